// Figure 11, first part: a drawing is noised to t, and walked back from there (SDEdit, Meng et al. 2022).

import { asSentence, sentence } from "../../basics/sentence.js";
import { difference, meanSquare, repeat } from "../../basics/statistics.js";
import { createLabelChoice } from "../../parts/choice.js";
import { createDrawingPad } from "../../parts/drawing-pad.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { h, setText } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { MAX_SEED } from "../../settings/list.js";
import { createMore } from "../shared/more.js";
import { ANSWERS, createFourAnswers } from "./four-answers.js";
import { NOISY_STEPS, stepsOf } from "./steps.js";

/** The real digit that lies on the pad at first: a 7. */
const FIRST_DIGIT = 70;

/** @type {import("../shared/figure.js").Create} */
export async function create(root, context) {
  const { arithmetic, loaded, shape, allSettings, digits } = context;
  const { info, schedule } = loaded;
  const [, channels = 1, height = 1, width = 1] = shape;
  const settings = allSettings.group("scribble");

  const { images, height: rows, width: columns } = await digits();
  /** Of the pad: red, green, blue and opacity where the model has them; else grey, the same in all channels. */
  const pens = channels === 3 || channels === 4 ? channels : 1;
  const isDigitsSize = channels === 1 && rows === height && columns === width;
  const pad = createDrawingPad({
    label: "Your drawing",
    imageSize: [height, width],
    channels: pens,
    ofDigits: isDigitsSize,
    onDraw: () => {
      setText(notice, "");
      settings.set({ drawing: pad.text });
      four.ask();
    },
    fail: (error) => setText(notice, asSentence(sentence(error))),
  });
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
    allSettings.refuse("scribble.drawing", `${drawing.slice(0, 12)}…`, "a real digit");
  };
  putDrawing(settings.values);

  const notice = h("p", { class: "notice", role: "status" });
  const binding = bind(
    settings,
    {
      t: (options) =>
        createSlider({
          label: "Noise up to t",
          min: 0,
          max: info.trainTimesteps - 1,
          hint: "Little noise keeps your strokes; with much noise the network decides the image.",
          ...options,
        }),
      label: (options) => createLabelChoice({ info, ...options }),
      seed: createSeed,
    },
    {
      changed(name) {
        if (name === null) putDrawing(settings.values);
        four.ask();
      },
    },
  );
  const { t: time, label: choice, seed } = binding.controls;
  const four = createFourAnswers(context, {
    words: {
      noised: "your drawing, noised",
      noNoise: "The noised drawing, not ready yet",
      noAnswers: "Four walks back from the drawing, not ready yet",
    },
    work: async (signal) => {
      const { t: timestep, label, seed } = settings.values;
      const x0 = repeat(pad.x0, (ANSWERS * channels) / pens);
      // Another stream than the chain's own, whose first draws the steps take.
      const noiseSeed = seed === MAX_SEED ? 0 : seed + 1;
      const eps = await arithmetic.noise({ seed: noiseSeed, draws: 1, size: x0.length }, signal);
      const alphaCumprod = schedule.alphasCumprod[timestep] ?? 1;
      const xt = await arithmetic.addNoise({ x0, eps, alphaCumprod }, signal);
      four.noisy.show(xt, [ANSWERS, ...shape.slice(1)], `The drawing noised to t = ${timestep}`);
      const kind = label === null ? "" : ` to ${info.classes[label] ?? ""}`;
      await four.walk(
        { seed, label, numInferenceSteps: stepsOf(NOISY_STEPS, info), from: { xt, timestep } },
        ({ xPrev }) => ({
          images: xPrev,
          text: `Four walks${kind} from your drawing at t = ${timestep}`,
          result: `four answers; mean squared difference ${meanSquare(difference(xPrev, x0)).toFixed(3)}`,
        }),
        signal,
      );
    },
  });
  root.append(
    four.element([pad.element, notice], [time.element, choice.element, createMore(seed.element)]),
  );

  four.ask();
  return {
    rest: four.rest,
    dispose() {
      binding.dispose();
      four.cancel();
    },
  };
}
