// Figure 10, second part: a part of a real digit is made anew (RePaint, Lugmayr et al. 2022).

import { find, h, setText } from "../../dom.js";
import { createGate } from "../../gate.js";
import { latest } from "../../latest.js";
import { createLabelChoice } from "../../parts/choice.js";
import { createDigitPicker } from "../../parts/digit-picker.js";
import { createImageGrid } from "../../parts/image-grid.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { createTile } from "../../parts/tile.js";
import { digitsFit, noDigits } from "../../suit.js";
import { createMaskPainter } from "./mask-painter.js";
import { FEW_STEPS, repeated, stepsOf, walkThrough } from "./walk.js";

const ANSWERS = 4;

/** @type {import("../../figure.js").Create} */
export async function create(root, { engine, loaded, shape, state, digits: load, fail }) {
  const { info } = loaded;
  const [, channels = 1, height = 1, width = 1] = shape;
  const digits = await load();
  // A digit in grey is as good in colour.
  if (!digitsFit([1, 1, height, width], digits)) {
    root.append(noDigits(shape, digits));
    return { rest() {} };
  }
  const settings = state.group("repaint");
  const gate = createGate();

  const painter = createMaskPainter({
    imageSize: [height, width],
    value: settings.values.mask,
    onChange: (mask) => choose({ mask }),
  });
  const picker = createDigitPicker({
    digits,
    value: settings.values.digit,
    tile: false,
    onChange: (digit) => {
      showDigit();
      choose({ digit });
    },
  });
  const noisy = createTile({
    term: "x_t",
    caption: "what is kept is noised along",
    empty: "The walk, not there yet",
  });
  const answers = createImageGrid({
    columns: 2,
    rows: 2,
    imageSize: [height, width],
    empty: "Four ways to fill the gap, not there yet",
  });
  const status = h("span", { role: "status" });
  const label = createLabelChoice({
    info,
    value: settings.values.label,
    onChange: (value) => choose({ label: value }),
  });
  setText(find(label.element, "legend", HTMLLegendElement), "Fill it as");
  const resamplings = createSlider({
    label: "Visits to each t",
    choices: [1, 2, 3, 5, 10],
    value: settings.values.resamplings,
    say: (value) => `${value} times`,
    hint: "After each step, noise again and repeat it: the new part grows to fit the old.",
    onInput: (value) => choose({ resamplings: value }),
  });
  const seed = createSeed({
    label: "Seed of the filling",
    diceName: "Other noise for the filling",
    value: settings.values.seed,
    onChange: (value) => choose({ seed: value }),
  });
  root.append(
    h(
      "div",
      { class: "bend" },
      h("div", { class: "bend-given" }, painter.element),
      noisy.element,
      h("figure", { class: "bend-made" }, answers.element, h("figcaption", {}, status)),
      h(
        "div",
        { class: "bend-controls" },
        picker.element,
        label.element,
        h("div", { class: "stack" }, resamplings.element, seed.element),
      ),
    ),
  );

  const showDigit = () => {
    const x0 = repeated(picker.x0, channels);
    painter.show(x0, shape, `A real ${picker.label}`);
  };
  /** @param {Partial<typeof settings.values>} values */
  const choose = (values) => {
    settings.set(values);
    walk.ask();
  };
  const walk = latest(async (signal) => {
    const { values } = settings;
    const x0 = repeated(picker.x0, ANSWERS * channels);
    await walkThrough(
      engine,
      {
        seed: values.seed,
        count: ANSWERS,
        label: values.label,
        steps: stepsOf(FEW_STEPS, info),
        sampler: "ddpm",
        spacing: "trailing",
        inpaint: { x0, mask: painter.mask, resamplings: values.resamplings },
      },
      gate,
      (frame, all, left) => {
        const how = left === 0 ? "" : `, ${left} steps to go`;
        noisy.show(frame.xt, all, `The first of four walks, at t = ${frame.timestep}`);
        answers.show(
          left === 0 ? frame.next : frame.x0,
          all,
          `Four ways to fill the gap in the ${picker.label}${how}`,
        );
        setText(
          status,
          left === 0
            ? "four fillings; what is kept is kept exactly"
            : `walking, t = ${frame.timestep}`,
        );
      },
      signal,
    );
  }, fail);

  const unlisten = settings.listen((values) => {
    painter.value = values.mask;
    picker.value = values.digit;
    label.value = values.label;
    resamplings.value = values.resamplings;
    seed.value = values.seed;
    showDigit();
    walk.ask();
  });
  showDigit();
  walk.ask();
  return {
    rest(value) {
      gate.rest(value);
      walk.rest(value);
    },
    dispose() {
      unlisten();
      walk.cancel();
    },
  };
}
