// Figure 10, first part: a drawing is noised to t, and walked back from there (SDEdit, Meng et al. 2022).

import { h, setText } from "../../dom.js";
import { createGate } from "../../gate.js";
import { latest } from "../../latest.js";
import { createLabelChoice } from "../../parts/choice.js";
import { createDrawingPad } from "../../parts/drawing-pad.js";
import { createImageGrid } from "../../parts/image-grid.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { createTile } from "../../parts/tile.js";
import { asSentence, sentence } from "../../sentence.js";
import { MAX_SEED } from "../../settings.js";
import { NOISY_STEPS, repeated, stepsOf, walkThrough } from "./walk.js";

const ANSWERS = 4;
/** The real digit that lies on the pad at first: a 7. */
const FIRST_DIGIT = 70;

/** @type {import("../../figure.js").Create} */
export async function create(root, context) {
  const { engine, arithmetic, loaded, shape, state, digits, fail } = context;
  const { info, schedule } = loaded;
  const [, channels = 1, height = 1, width = 1] = shape;
  const settings = state.group("scribble");
  const gate = createGate();

  const pad = createDrawingPad({
    label: "Your drawing",
    imageSize: [height, width],
    onDraw: () => {
      setText(notice, "");
      choose({ drawing: pad.text });
    },
    fail: (error) => setText(notice, asSentence(sentence(error))),
  });
  const { images, height: rows, width: columns } = await digits();
  const first = images[FIRST_DIGIT];
  const putFirst = () => {
    pad.x0 =
      first !== undefined && rows === height && columns === width
        ? first
        : new Float32Array(height * width).fill(-1);
  };
  /** Puts onto the pad what the address says. @param {typeof settings.values} values */
  const putDrawing = ({ drawing }) => {
    if (drawing !== "" && pad.put(drawing)) return;
    putFirst();
    if (drawing === "") return;
    settings.assume({ drawing: "" });
    state.refuse("scribble.drawing", `${drawing.slice(0, 12)}…`, "a real digit");
  };
  putDrawing(settings.values);

  const noisy = createTile({
    term: "x_t",
    caption: "your drawing, noised",
    empty: "The noised drawing, not there yet",
  });
  const answers = createImageGrid({
    columns: 2,
    rows: 2,
    imageSize: [height, width],
    empty: "Four walks back from the drawing, not there yet",
  });
  const status = h("span", { role: "status" });
  const notice = h("p", { class: "notice", role: "status" });
  const t = createSlider({
    label: "Noise up to t",
    min: 0,
    max: info.trainTimesteps - 1,
    value: settings.values.t,
    hint: "Little noise keeps your strokes, much noise leaves the image to the network.",
    onInput: (value) => choose({ t: value }),
  });
  const label = createLabelChoice({
    info,
    value: settings.values.label,
    onChange: (value) => choose({ label: value }),
  });
  const seed = createSeed({
    label: "Seed of the noise",
    diceName: "Other noise for the drawing",
    value: settings.values.seed,
    onChange: (value) => choose({ seed: value }),
  });
  root.append(
    h(
      "div",
      { class: "bend" },
      h("div", { class: "bend-given" }, pad.element, notice),
      noisy.element,
      h("figure", { class: "bend-made" }, answers.element, h("figcaption", {}, status)),
      h("div", { class: "bend-controls" }, t.element, label.element, seed.element),
    ),
  );

  /** @param {Partial<typeof settings.values>} values */
  const choose = (values) => {
    settings.set(values);
    walk.ask();
  };
  const walk = latest(async (signal) => {
    const { t: timestep, label: goal, seed: chainSeed } = settings.values;
    const x0 = repeated(pad.x0, ANSWERS * channels);
    // Another stream than the chain's own, whose first draws the steps take.
    const noiseSeed = chainSeed === MAX_SEED ? 0 : chainSeed + 1;
    const eps = await arithmetic.noise({ seed: noiseSeed, draws: 1, size: x0.length }, signal);
    const alphaCumprod = schedule.alphasCumprod[timestep] ?? 1;
    const x = await arithmetic.addNoise({ x0, eps, alphaCumprod }, signal);
    noisy.show(x, [ANSWERS, ...shape.slice(1)], `The drawing noised to t = ${timestep}`);
    const kind = goal === null ? "" : ` to ${info.classes[goal] ?? ""}`;
    await walkThrough(
      engine,
      {
        seed: chainSeed,
        count: ANSWERS,
        label: goal,
        steps: stepsOf(NOISY_STEPS, info),
        sampler: "ddpm",
        spacing: "trailing",
        from: { x, timestep },
      },
      gate,
      (frame, all, left) => {
        const how = left === 0 ? "" : `, ${left} steps to go`;
        answers.show(
          frame.next,
          all,
          `Four walks${kind} from your drawing at t = ${timestep}${how}`,
        );
        const off = differenceOf(frame.next, x0).toFixed(3);
        setText(
          status,
          left === 0
            ? `four answers; mean squared difference ${off}`
            : `walking, t = ${frame.timestep}`,
        );
      },
      signal,
    );
  }, fail);

  const unlisten = settings.listen((values) => {
    putDrawing(values);
    t.value = values.t;
    label.value = values.label;
    seed.value = values.seed;
    walk.ask();
  });
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

/** The mean squared difference. @param {Float32Array} one @param {Float32Array} other */
function differenceOf(one, other) {
  return one.reduce((sum, value, i) => sum + (value - (other[i] ?? 0)) ** 2, 0) / one.length;
}
