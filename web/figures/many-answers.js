// Figure 6: sixteen walks back from one noisy image, each with noise of its own.

import { createGate } from "../basics/gate.js";
import { latest } from "../basics/latest.js";
import { pixelwise, repeat, rootMeanSquare } from "../basics/statistics.js";
import { isBetween, wholeWalk } from "../client/whole-walk.js";
import { createImageGrid } from "../parts/image-grid.js";
import { createPlot } from "../parts/plot.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { createTile } from "../parts/tile.js";
import { createWord } from "../parts/word.js";
import { h, setText } from "../screen/dom.js";
import { bind } from "../settings/bind.js";
import { MANY_STEPS } from "../settings/list.js";
import { canBeTold, labelFor, perDevice } from "../settings/suit.js";
import { createMore } from "./shared/more.js";
import { createSubject } from "./shared/subject.js";

const WALKS = 16;

/** The walks draw from another half of the seeds than the noise in x_t, so that the two have nothing in common. */
const WALKS_SEED = 2 ** 31;

/** Deviations of a pixel from here on are drawn white; black and white by half and half would be 1. */
const DEVIATION_RANGE = 1;

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const { engine, arithmetic, loaded, shape, allSettings, calm, fail } = context;
  const digits = await context.digits();
  const { info, schedule } = loaded;
  const T = info.trainTimesteps;
  const settings = allSettings.group("many");
  const stepsOf = () =>
    settings.decide("steps", () => perDevice(loaded, { gpu: 50, cpu: 12, software: 4 }));
  const gate = createGate();

  const binding = bind(
    settings,
    {
      digit: (options) => createSubject({ context, digits, ...options }),
      t: (options) => createSlider({ label: "Begin at time t", min: 0, max: T - 1, ...options }),
      steps: (options) =>
        createSlider({
          label: "Steps of each walk",
          choices: MANY_STEPS,
          // The first is from t to the next time of the whole walk, which may be one more.
          format: (count) => `about ${count}`,
          ...options,
        }),
      told: (options) =>
        createSwitch({
          label: "Tell the network the digit",
          hint: "Otherwise it sees only the noisy image.",
          ...options,
        }),
      seed: createSeed,
    },
    { changed: () => begin(), decided: { steps: stepsOf } },
  );
  const { digit: picker, t: time, steps, told, seed } = binding.controls;
  told.element.hidden = !canBeTold(info, shape, digits);

  const noisy = createTile({
    term: "x_t",
    caption: "The noisy image, the same for all.",
    empty: "The noisy image, not ready yet",
  });
  const mean = createTile({ caption: "Their mean.", empty: "The mean, not ready yet" });
  const parting = createTile({
    caption: "Where they differ.",
    colours: { map: "heat", range: DEVIATION_RANGE },
    empty: "Where they differ, not ready yet",
  });
  const [, , height = 1, width = 1] = shape;
  const grid = createImageGrid({
    columns: 4,
    rows: WALKS / 4,
    imageSize: [height, width],
    empty: "Sixteen walks, not ready yet",
  });
  const progress = h("span", { class: "progress" });
  const spread = h("span", {}, "–");
  // Only the end is said aloud.
  const announcement = h("p", { class: "unseen", role: "status" });
  const plot = createPlot({
    label: "How much the sixteen differ, by the starting t",
    x: { label: "started at t", range: [0, T] },
    y: { label: "spread", range: [0, 0.8] },
    series: [{ name: "spread", kind: "points", width: 7 }],
    height: 150,
    onSeek: (t) => {
      time.value = Math.min(T - 1, Math.max(0, Math.round(t)));
      settings.set({ t: time.value });
      begin();
    },
  });

  root.append(
    h(
      "div",
      { class: "source" },
      noisy.element,
      h("div", { class: "both" }, mean.element, parting.element),
    ),
    h(
      "figure",
      { class: "answers" },
      grid.element,
      h(
        "figcaption",
        {},
        h(
          "span",
          {},
          h("strong", {}, "Sixteen answers. "),
          createWord("spread", "Spread"),
          " ",
          spread,
          ".",
        ),
        progress,
      ),
      announcement,
    ),
    h(
      "div",
      { class: "stack" },
      time.element,
      picker.element,
      createMore(told.element, steps.element, seed.element),
    ),
    h("div", { class: "found" }, plot.element),
  );

  /** What has been tried with this digit and noise: spread by t. @type {Map<number, number>} */
  const found = new Map();
  let foundFor = "";
  const plotFound = () => {
    const times = [...found.keys()].sort((a, b) => a - b);
    const values = times.map((t) => found.get(t) ?? null);
    const words = times.map((t) => `${found.get(t)?.toFixed(2)} from t = ${t}`).join(", ");
    plot.set([times, values], times.length === 0 ? "nothing tried yet" : words);
  };

  const compute = latest(async (signal) => {
    const { t, seed: chosen, told: isTold } = settings.values;
    const { x0 } = picker;
    if (x0 === null) return;
    const eps = await arithmetic.noise({ seed: chosen, draws: 1, size: x0.length }, signal);
    const alphaCumprod = schedule.alphasCumprod[t] ?? 1;
    const xt = await arithmetic.addNoise({ x0, eps, alphaCumprod }, signal);
    noisy.show(xt, shape, `${capital(picker.name)}, noised to t = ${t}`);

    // A model without the label "any" must be given some class.
    const label = isTold || info.nullLabel === null ? labelFor(info, picker.digit) : null;
    const walk = wholeWalk(
      engine,
      {
        seed: (chosen ^ WALKS_SEED) >>> 0,
        count: WALKS,
        label,
        // About as many steps from anywhere: those of the whole way, of which t/T are taken.
        numInferenceSteps: Math.min(T, Math.ceil((stepsOf() * T) / (t + 1))),
        spacing: "leading",
        from: { xt: repeat(xt, WALKS), timestep: t },
      },
      signal,
      gate,
      calm,
    );
    for await (const { frame, timesteps, shape: many } of walk) {
      const values = frame.done ? frame.xPrev : frame.x0;
      const step = `step ${frame.index + 1} of ${timesteps.length}`;
      progress.textContent = frame.done ? "" : step;
      if (calm && isBetween(frame)) continue;
      const { mean: middle, deviation } = pixelwise(values, WALKS);
      const size = rootMeanSquare(deviation).toFixed(2);
      const what = frame.done ? "images" : `guesses of the image at t = ${frame.timestep}, ${step}`;
      const from = `sixteen ${what}, all from the same noisy image at t = ${t}`;
      grid.show(values, many, `${capital(from)}; spread ${size}`);
      mean.show(middle, shape, `The mean of ${from}`);
      parting.show(deviation, shape, `The deviation of each pixel over ${from}`);
      setText(spread, size);
      if (frame.done) {
        setText(announcement, `Sixteen images from t = ${t}; spread ${size}`);
        found.set(t, rootMeanSquare(deviation));
        plotFound();
      }
    }
  }, fail);

  const begin = () => {
    const { digit, seed: chosen, told: isTold, t } = settings.values;
    steps.value = stepsOf();
    const now = [digit, chosen, isTold, steps.value].join();
    if (now !== foundFor) {
      foundFor = now;
      found.clear();
      plotFound();
    }
    plot.mark(t);
    compute.ask();
  };
  begin();

  return {
    rest(resting) {
      gate.rest(resting);
      picker.rest(resting);
      compute.rest(resting);
    },
    dispose() {
      compute.cancel();
      picker.dispose();
      binding.dispose();
      plot.dispose();
    },
  };
}

/** @param {string} text */
const capital = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
