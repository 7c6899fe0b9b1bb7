// What the plane shows, in words.

import { originsOf } from "./exact.js";
import { LEARNING_STEPS } from "./learner.js";
import { CROWD, meanDistance } from "./walk.js";

/** @typedef {import("./shapes.js").Points} Points */

/**
 * What the lines from a point say, in words.
 * @param {Points} points
 * @param {number | null} label
 * @param {number} alphaCumprod
 * @param {[number, number]} point
 */
export function originsInWords(points, label, alphaCumprod, [x, y]) {
  const weights = [...originsOf(points, x, y, alphaCumprod, label)];
  const guess = weights.reduce(
    ([a, b], weight, i) => [a + weight * points.xy[2 * i], b + weight * points.xy[2 * i + 1]],
    [0, 0],
  );
  const falling = weights.filter((weight) => weight > 0).sort((a, b) => b - a);
  let [sum, count] = [0, 0];
  while (sum < 0.9 && count < falling.length) sum += falling[count++] ?? 0;
  /** @param {number} value */
  const said = (value) =>
    value
      .toFixed(2)
      .replace(/^-(?=0\.00$)/, "")
      .replace("-", "−");
  return `A noisy point at (${said(x)}, ${said(-y)}): ${count === 1 ? "one point has" : `${count} points share`} nine tenths of the weight; their mean, the guess, is at (${said(guess[0] ?? 0)}, ${said(-(guess[1] ?? 0))}).`;
}

/** How far it has learned. @param {import("./worker.js").LearnReply | null} learned null: it has just begun */
export function progressInWords(learned) {
  if (learned === null) return "Learning begins.";
  const { step, loss, leastLoss } = learned;
  const how = step < LEARNING_STEPS ? `Learning: step ${step} of ${LEARNING_STEPS}` : "Learned";
  return `${how}. Its loss is ${loss.toFixed(3)}; the exact answer’s is ${leastLoss.toFixed(3)}.`;
}

/** How far a crowd is from the points. @param {Float32Array | undefined} crowd @param {Points} points */
export const distanceInWords = (crowd, points) =>
  crowd === undefined || points.labels.length === 0 ? "–" : meanDistance(crowd, points).toFixed(2);

/** What a plane with a crowd shows. @param {string} sampler @param {string} when @param {string} distance */
export const crowdInWords = (sampler, when, distance) =>
  `Walking back by ${sampler}: ${CROWD} points ${when}, ${distance} from the shape on average.`;

/**
 * Where both walks have arrived.
 * @param {import("./walk.js").Crowds} last
 * @param {Points} points
 * @param {number} steps
 */
export function arrivedInWords({ ddpm, ddim }, points, steps) {
  const count = steps === 1 ? "one step" : `${steps} steps`;
  return `Arrived in ${count}: DDPM ${distanceInWords(ddpm, points)} from the points on average, DDIM ${distanceInWords(ddim, points)}.`;
}
