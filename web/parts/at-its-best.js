// Where the loaded model is at its best, in sentences for the hints below sliders: what best.json in its folder says.

import { nameOfSampler } from "./sampler-choice.js";

/** @typedef {import("../protocol/messages.js").Loaded["best"]} Best */

/**
 * The guidance that suits, in a sentence with a space before it; nothing where it is not known.
 * @param {Best} best
 */
export function guidanceAdvice(best) {
  if (!best?.guidanceScale) return "";
  const [low, high] = best.guidanceScale;
  return low === high
    ? ` This model is at its best at ${low}.`
    : ` This model is at its best between ${low} and ${high}.`;
}

/**
 * The number of steps that is enough, in a sentence; nothing where it is not known.
 * @param {Best} best
 */
export function stepsAdvice(best) {
  if (best === null) return "";
  const { numInferenceSteps: steps, sampler } = best;
  const name = nameOfSampler(/** @type {import("./sampler-choice.js").BackSampler} */ (sampler));
  return `${steps} ${steps === 1 ? "step is" : "steps are"} enough for this model with ${name}.`;
}
