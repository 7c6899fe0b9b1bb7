// What the page knows of learning, and examples as the worker wants them: one behind the other.

import { USUALLY } from "../protocol/learning.js";

/** @typedef {import("../protocol/learning.js").LearnedStep} LearnedStep */

/** A step's time weighs so much in the mean of the last ones. */
const WEIGHT = 0.2;

/**
 * @typedef {object} LearnerState all that a figure shows
 * @property {Float32Array[]} examples [channels, h, w] each, from -1 to 1
 * @property {number[] | null} shape of an example; null while nothing is known
 * @property {import("../protocol/learning.js").Learning | null} learning null before it began
 * @property {import("../protocol/learning.js").HowToLearn} how as the visitor has set it
 * @property {boolean} running
 * @property {boolean} rests whether it waits to learn until somebody sees the page
 * @property {boolean} loading whether the network comes into the worker
 * @property {boolean} silent whether it is to learn, and nothing has been heard of it for long
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
  rests: false,
  loading: false,
  silent: false,
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

/** What a step that was taken changes. @param {LearnerState} status @param {LearnedStep} taken @returns {Partial<LearnerState>} */
export function withStep({ learning, milliseconds: mean }, { step, loss, milliseconds, images }) {
  if (learning === null) return {};
  learning.step = step;
  learning.losses[step - 1] = loss;
  return {
    milliseconds: mean === null ? milliseconds : mean + WEIGHT * (milliseconds - mean),
    imagesPerStep: images,
  };
}

/** The worker has returned to a step. @param {LearnerState} status @param {number} step */
export function goBackTo({ learning }, step) {
  if (learning === null) return;
  learning.step = step;
  learning.losses.length = step;
}

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
