// Figure 11, second part: a part of an image is replaced (RePaint, Lugmayr et al. 2022).

import { repeat } from "../../basics/statistics.js";
import { createLabelChoice } from "../../parts/choice.js";
import { createDigitPicker } from "../../parts/digit-picker.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { find, setText } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { RESAMPLINGS } from "../../settings/list.js";
import { digitsFit } from "../../settings/suit.js";
import { createMore } from "../shared/more.js";
import { createSubject } from "../shared/subject.js";
import { ANSWERS, createFourAnswers } from "./four-answers.js";
import { createMaskPainter } from "./mask-painter.js";
import { FEW_STEPS, stepsOf } from "./steps.js";

/** @type {import("../shared/figure.js").Create} */
export async function create(root, context) {
  const { loaded, shape, allSettings } = context;
  const { info } = loaded;
  const [, channels = 1, height = 1, width = 1] = shape;
  const digits = await context.digits();
  // A digit in grey is as good in colour.
  const takesDigits = digitsFit([1, 1, height, width], digits);
  const settings = allSettings.group("repaint");

  const painter = createMaskPainter({
    imageSize: [height, width],
    onChange: (mask) => {
      settings.set({ mask });
      four.ask();
    },
  });
  /** Rubs out what the address says. @param {typeof settings.values} values */
  const putMask = ({ mask }) => {
    if (painter.put(mask)) return;
    settings.assume({ mask: "" });
    allSettings.refuse("repaint.mask", `${mask.slice(0, 12)}…`, "the right half");
  };
  putMask(settings.values);
  const binding = bind(
    settings,
    {
      digit: (options) =>
        takesDigits
          ? createDigitSubject({ digits, channels, ...options })
          : createSubject({ context, digits, ...options }),
      label: (options) => createLabelChoice({ info, ...options }),
      resamplings: (options) =>
        createSlider({
          label: "Visits to each t",
          choices: RESAMPLINGS,
          say: (value) => `${value} times`,
          hint: "After each step, add the noise again and repeat: the new part adapts to the old.",
          ...options,
        }),
      seed: createSeed,
    },
    {
      changed(name) {
        if (name === null) putMask(settings.values);
        if (name === null || name === "digit") showDigit();
        four.ask();
      },
    },
  );
  const { digit: picker, label: choice, resamplings, seed } = binding.controls;
  const four = createFourAnswers(context, {
    words: {
      noised: "the kept part with noise",
      noNoise: "The walk, not ready yet",
      noAnswers: "Four ways to fill the gap, not ready yet",
    },
    work: async (signal) => {
      const { seed, label, resamplings: visits } = settings.values;
      if (picker.x0 === null) return;
      const x0 = repeat(picker.x0, ANSWERS);
      const inpaint = { x0, mask: painter.mask, resamplings: visits };
      await four.walk(
        { seed, label, numInferenceSteps: stepsOf(FEW_STEPS, info), inpaint },
        ({ xt, x0: guess, xPrev, timestep, done }, all) => {
          four.noisy.show(xt, all, `The first of four walks, at t = ${timestep}`);
          return {
            images: done ? xPrev : guess,
            text: `Four ways to fill the gap in ${takesDigits ? `the ${picker.digit}` : picker.name}`,
            result: "four fillings; the kept part is unchanged",
          };
        },
        signal,
      );
    },
  });
  setText(find(choice.element, "legend", HTMLLegendElement), "Fill it as");
  root.append(
    four.element(
      [painter.element],
      [picker.element, choice.element, createMore(resamplings.element, seed.element)],
    ),
  );

  const showDigit = () => {
    if (picker.x0 === null) return;
    const { name } = picker;
    painter.show(picker.x0, shape, `${name.charAt(0).toUpperCase()}${name.slice(1)}`);
  };
  showDigit();
  four.ask();
  return {
    rest(value) {
      picker.rest(value);
      four.rest(value);
    },
    dispose() {
      picker.dispose();
      binding.dispose();
      four.cancel();
    },
  };
}

/**
 * One of the page's digits, in as many channels as the model has.
 * @param {Omit<Parameters<typeof createDigitPicker>[0], "tile"> & { channels: number }} options
 * @returns {import("../shared/subject.js").Subject}
 */
function createDigitSubject({ channels, ...options }) {
  const picker = createDigitPicker({ tile: false, ...options });
  return {
    element: picker.element,
    get x0() {
      return repeat(picker.x0, channels);
    },
    get digit() {
      return picker.label;
    },
    get name() {
      return `a real ${picker.label}`;
    },
    get value() {
      return picker.value;
    },
    set value(number) {
      picker.value = number;
    },
    rest() {},
    dispose() {},
  };
}
