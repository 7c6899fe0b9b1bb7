// What the page knows of learning, and examples as the worker wants them: one behind the other.

import { USUALLY } from "../protocol/learning.js";

/**
 * @typedef {object} LearnerState all that a figure shows
 * @property {Float32Array[]} examples [channels, h, w] each, from -1 to 1
 * @property {number[] | null} shape of an example; null while nothing is known
 * @property {import("../protocol/learning.js").Learning | null} learning null before it began
 * @property {import("../protocol/learning.js").HowToLearn} how as the visitor has set it
 * @property {boolean} running
 * @property {boolean} ready whether the worker holds the network; after a reload it does not until it learns again
 * @property {{ step: number, images: Float32Array, shape: number[] } | null} walks
 * @property {import("../protocol/learning.js").Errors | null} errors
 * @property {number | null} milliseconds of a step, over the last ones
 * @property {number} imagesPerStep
 * @property {import("../protocol/learning.js").Storage} storage
 * @property {string} keeping why nothing is kept, as a sentence; "" where it is
 * @property {import("../protocol/learning.js").LearnsOn | null} learnsOn null before it is known
 * @property {string} notice what went wrong last, as a sentence
 */

/** @returns {LearnerState} */
export const nothingYet = () => ({
  examples: [],
  shape: null,
  learning: null,
  how: USUALLY,
  running: false,
  ready: false,
  walks: null,
  errors: null,
  milliseconds: null,
  imagesPerStep: 0,
  storage: "none",
  keeping: "",
  learnsOn: null,
  notice: "",
});

/** Whether two shapes are the same. @param {readonly number[]} one @param {readonly number[]} other */
export const isSame = (one, other) => one.every((side, i) => side === other[i]);

/** @param {readonly Float32Array[]} examples */
export function together(examples) {
  const all = new Float32Array(examples.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const example of examples) {
    all.set(example, at);
    at += example.length;
  }
  return all;
}

/** @param {Float32Array} all @param {number[]} shape of one */
export function apart(all, shape) {
  const size = shape.reduce((product, side) => product * side, 1);
  return Array.from({ length: Math.floor(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );
}
