// Figure 10: ten rows of ten walks, each row a class, each cell its own noise.

import { createGate } from "../basics/gate.js";
import { latest } from "../basics/latest.js";
import { guidanceAdvice, stepsAdvice } from "../parts/at-its-best.js";
import { createButton } from "../parts/button.js";
import { createImageGrid } from "../parts/image-grid.js";
import { createReadouts } from "../parts/readouts.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { term } from "../parts/term.js";
import { h, setText } from "../screen/dom.js";
import { bytesOf } from "../screen/paint.js";
import { bind } from "../settings/bind.js";
import { GUIDANCE, nearest, wallSteps } from "../settings/list.js";
import { classesOf, isSlow } from "../settings/suit.js";
import { createMore } from "./shared/more.js";
import { walkWall } from "./wall/walk.js";

const SIDE = 10;
const CELLS = SIDE * SIDE;
/** Batches that the wall can be cut into. */
const BATCHES = [100, 50, 20, 10];
/** How long a batch may take, in milliseconds, so that other figures get their turn. */
const PATIENCE = 250;

/** @type {import("./shared/figure.js").Create} */
export function create(root, { engine, loaded, shape, allSettings, history, calm, fail }) {
  const { info, best } = loaded;
  const [, , height = 1, width = 1] = shape;
  const settings = allSettings.group("wall");
  const isCpu = () => loaded.info.device === "cpu";
  const isSlowWall = () => isCpu() || isSlow(loaded);
  const choices = wallSteps(info.trainTimesteps);
  const steps = () => settings.decide("steps", () => nearest(choices, isSlowWall() ? 8 : 20));
  const guided = info.nullLabel !== null && info.classes.length > 0;

  const labelsOfRows = classesOf(info).map(({ label }) => label);
  /** The classes of the rows. */
  const rows = Array.from(
    { length: SIDE },
    (_, row) => labelsOfRows[row % labelsOfRows.length] ?? 0,
  );
  const labels =
    info.classes.length === 0 ? null : rows.flatMap((label) => Array(SIDE).fill(label));
  const kinds =
    labels === null
      ? "Ten rows of ten images"
      : `Ten rows of ten, row by row ${rows.map((label) => info.classes[label]).join(", ")}`;

  /** How many images walk at once; measured while walking. */
  let batch = 0;
  let paused = calm;
  /** The device that these suit. @type {import("../protocol/messages.js").Device | null} */
  let suited = null;
  const suitDevice = () => {
    if (suited === loaded.info.device) return;
    suited = loaded.info.device;
    batch = isSlowWall() ? 10 : 50;
    // Where a step takes seconds a hundred walks wait to be asked for: other figures need the device as well.
    if (isCpu() && isSlow(loaded)) paused = true;
  };
  suitDevice();
  let resting = false;
  let done = false;
  const gate = createGate();
  /** How many wait for the whole walk. */
  let wanted = 0;
  let gone = false;
  const stand = () => {
    gate.rest((resting || paused) && wanted === 0);
    walk.rest(resting && wanted === 0);
  };
  /** @type {import("./shared/history.js").Complete} */
  const complete = async (signal) => {
    wanted += 1;
    stand();
    while (!done && !gone && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, 50));
    wanted -= 1;
    stand();
  };

  const grid = createImageGrid({
    columns: SIDE,
    rows: SIDE,
    imageSize: [height, width],
    empty: `${kinds}: not ready yet`,
  });
  const names = h(
    "ol",
    { class: "wall-rows", "aria-hidden": "true" },
    ...(labels === null ? [] : rows.map((label) => h("li", {}, info.classes[label] ?? ""))),
  );
  const announcement = h("p", { class: "unseen", role: "status" });
  const readouts = createReadouts({
    time: h("span", {}, "time ", term("t")),
    step: "step",
    batch: "images at once",
    speed: "ms per image",
  });
  const play = createButton({ name: "Walk", icon: "play", shown: true, primary: true, onPress });
  const binding = bind(
    settings,
    {
      guidance: (options) =>
        createSlider({
          label: "Guidance of the wall",
          word: "guidance",
          ...GUIDANCE,
          hint: `1 is the plain model; any other value runs the network twice.${guidanceAdvice(best)}`,
          ...options,
        }),
      seed: createSeed,
      steps: (options) =>
        createSlider({
          label: "Steps of the wall",
          choices,
          say: (value) => `${value} steps`,
          hint: `The sampler is DPM-Solver++, which adds no noise and needs few steps. ${stepsAdvice(best)}`.trim(),
          ...options,
        }),
    },
    { changed: () => begin(), decided: { steps } },
  );
  const { guidance, seed, steps: count } = binding.controls;
  guidance.element.hidden = !guided;
  root.append(
    h(
      "div",
      { class: "wall" },
      h("div", { class: "wall-picture" }, names, grid.element),
      h(
        "div",
        { class: "stack" },
        h("div", { class: "row" }, play.element),
        readouts.element,
        announcement,
        guidance.element,
        seed.element,
        createMore(count.element),
      ),
    ),
  );

  const showPlay = () => {
    if (done) play.rename("Walk again", "play");
    else if (paused) play.rename("Walk", "play");
    else play.rename("Pause", "pause");
    setText(announcement, done ? "Done: a hundred images" : paused ? "Paused" : "Walking");
  };
  function onPress() {
    if (done) {
      begin();
      paused = false;
    } else paused = !paused;
    stand();
    showPlay();
  }
  const begin = () => {
    suitDevice();
    stand();
    count.value = steps();
    done = false;
    showPlay();
    walk.ask();
  };

  const walk = latest(async (signal) => {
    const options = {
      seed: settings.values.seed,
      count: CELLS,
      labels,
      guidanceScale: guided ? settings.values.guidance : 1,
      numInferenceSteps: steps(),
      batch,
    };
    /** @type {Uint8ClampedArray[]} the walk as bytes */
    const frames = [];
    /** @type {Float32Array} */
    let now = new Float32Array();
    /** @type {Uint32Array} */
    let timesteps = new Uint32Array();
    let spent = 0;
    /** @param {number} step */
    const say = (step) => {
      const t = timesteps[step];
      return t === undefined ? `${kinds}: the images` : `${kinds}, noisy, at t = ${t}`;
    };
    /** @param {number} step */
    const sweep = (step) => {
      frames.push(bytesOf(now));
      history.offer("wall", {
        shape: [CELLS, ...shape.slice(1)],
        columns: SIDE,
        steps: timesteps.length,
        frames,
        complete,
      });
      readouts.show({
        time: step < timesteps.length ? String(timesteps[step]) : "image",
        step: `${step} of ${timesteps.length}`,
        batch: engine.workers === 1 ? `${options.batch}` : `${engine.workers} × ${options.batch}`,
      });
      grid.canvas.setAttribute("aria-label", say(step));
    };
    await walkWall(
      engine,
      options,
      {
        ready: () => gate.pass(signal),
        begun(xt, all, times) {
          now = xt;
          timesteps = times;
          grid.show(xt, all, say(0));
          sweep(0);
        },
        advanced(first, xPrev, part, milliseconds) {
          const size = now.length / CELLS;
          now.set(xPrev, first * size);
          const [here = 1] = part;
          grid.show(xPrev, part, say(frames.length - 1), first);
          spent = milliseconds / here;
          const speed = spent / engine.workers;
          readouts.show({ speed: speed < 10 ? speed.toFixed(1) : speed.toFixed(0) });
        },
        swept(step) {
          sweep(step);
          done = step === timesteps.length;
        },
      },
      signal,
    );
    if (!done || signal.aborted) return;
    // Small batches, so that none of several workers waits long for another.
    const patience = engine.workers === 1 ? PATIENCE : 0;
    batch = BATCHES.find((size) => size * spent <= patience) ?? Math.min(...BATCHES);
    showPlay();
  }, fail);

  begin();
  return {
    rest(value) {
      resting = value;
      stand();
    },
    dispose() {
      gone = true;
      binding.dispose();
      walk.cancel();
      gate.rest(false);
    },
  };
}
