// Many guesses from pure noise, their mean as it forms, and the mean of the data next to it.

import { latest } from "../../basics/latest.js";
import { correlation, distance } from "../../basics/statistics.js";
import { createButton } from "../../parts/button.js";
import { createImageGrid } from "../../parts/image-grid.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";
import { perDevice } from "../../settings/suit.js";
import { labelsFor } from "./labels.js";

/** @typedef {import("./ladder.js").Values} Values */

const SIDE = 8;

/**
 * @param {import("./ladder.js").Inner} context
 * @param {import("../../client/digits.js").Digits | null} digits null where the model makes other images
 */
export function createGuesses({ engine, arithmetic, loaded, shape, calm, fail, gate }, digits) {
  const { info } = loaded;
  const timestep = info.trainTimesteps - 1;
  const batch = () => perDevice(loaded, { gpu: 32, cpu: 8, software: 2 });
  const portion = () => perDevice(loaded, { gpu: 256, cpu: 64, software: 4 });
  const [, , height = 1, width = 1] = shape;
  const size = shape.reduce((product, side) => product * side, 1);

  const grid = createImageGrid({
    columns: SIDE,
    rows: SIDE,
    imageSize: [height, width],
    empty: "One-jump guesses, none yet",
  });
  const counted = h("span", {}, "Guesses, each from other noise.");
  const mean = createTile({
    caption: "Their mean.",
    empty: "The mean of the guesses, not ready yet",
  });
  const truth = createTile({ caption: "The mean of the data.", empty: "The mean, not ready yet" });
  const walked = createTile({ caption: "One walk.", empty: "One walk, not ready yet" });
  truth.element.hidden = digits === null;
  const more = createButton({ name: `${portion()} more guesses`, onPress: () => add() });
  more.disabled = true;

  /** @type {Values | null} */
  let values = null;
  let total = 0;
  let wanted = 0;
  let sum = new Float64Array(size);
  /** @type {Float32Array | null} */
  let target = null;
  let longest = 0;

  /** How an image compares with the mean of the data, in words. @param {Float32Array} image */
  const compared = (image) =>
    target === null
      ? ""
      : ` Correlation with the data's mean ${correlation(image, target).toFixed(2)}, distance ${distance(image, target).toFixed(2)}.`;

  const compute = latest(async (signal) => {
    if (values === null) return;
    const { seed, label } = values;
    const noise = await arithmetic.noise({ seed, draws: wanted, size }, signal);
    /** The guesses that are not seen yet. @type {Float32Array[]} */
    let unseen = [];
    while (total < wanted) {
      await gate.pass(signal);
      const count = Math.min(batch(), wanted - total);
      const x = noise.slice(total * size, (total + count) * size);
      const labels = labelsFor(info, label, count);
      const answer = await engine.denoise({ xt: x, count, timestep, ...labels }, signal);
      // As images, which have no values beyond black and white.
      const x0 = answer.x0.map((value) => Math.min(1, Math.max(-1, value)));
      for (let i = 0; i < x0.length; i++) {
        sum[i % size] = (sum[i % size] ?? 0) + (x0[i] ?? 0);
      }
      for (let i = 0; i < count; i++) unseen.push(x0.subarray(i * size, (i + 1) * size));
      total += count;
      if (calm && total < wanted) continue;
      const said = `The last of ${total} guesses at t = ${timestep}`;
      const first = total - unseen.length;
      unseen.forEach((one, i) => grid.show(one, shape, said, (first + i) % SIDE ** 2));
      unseen = [];
      const middle = Float32Array.from(sum, (value) => value / total);
      const text = `The mean of ${total} one-jump guesses at t = ${timestep}.`;
      mean.show(middle, shape, `${text}${compared(middle)}`);
      mean.caption = `Their mean.${compared(middle)}`;
      setText(counted, `${total} guesses, each from other noise.`);
    }
    more.disabled = false;
  }, fail);
  const add = () => {
    wanted = total + portion();
    more.disabled = true;
    compute.ask();
  };

  return {
    element: h(
      "div",
      { class: "guesses" },
      h("figure", {}, grid.element, h("figcaption", {}, counted), more.element),
      mean.element,
      truth.element,
      walked.element,
    ),
    /** @param {Values} chosen */
    begin(chosen) {
      values = chosen;
      total = 0;
      wanted = portion();
      more.rename(`${wanted} more guesses`);
      sum = new Float64Array(size);
      longest = 0;
      walked.clear();
      walked.caption = "One walk.";
      grid.clear();
      mean.clear();
      more.disabled = true;
      target = null;
      if (digits !== null) {
        const { image, caption } = meanOfData(digits, info, chosen.label);
        target = image;
        truth.show(image, shape, caption);
        truth.caption = caption;
      }
      compute.ask();
    },
    /** A walk is over: the longest one is shown for comparison. @param {number} steps @param {Float32Array} image */
    compare(steps, image) {
      if (steps <= longest || steps < 10) return;
      longest = steps;
      const text = `One walk in ${steps} steps.${compared(image)}`;
      walked.show(image, shape, text);
      walked.caption = text;
    },
    rest: compute.rest,
    dispose: compute.cancel,
  };
}

/**
 * What the guesses are to be compared with: the training set's mean, or, for one digit, that of the real ones here.
 * @param {import("../../client/digits.js").Digits} digits
 * @param {import("../../protocol/messages.js").ModelInfo} info
 * @param {number | null} label
 */
function meanOfData({ mean, images, labels }, { classes }, label) {
  const some = label === null ? [] : images.filter((_, i) => String(labels[i]) === classes[label]);
  if (some.length === 0) return { image: mean, caption: "The mean of all 60,000 training digits." };
  const image = mean.map((_, p) => some.reduce((sum, x) => sum + (x[p] ?? 0), 0) / some.length);
  return { image, caption: `The mean of ${some.length} real ${classes[label ?? 0]}s.` };
}
