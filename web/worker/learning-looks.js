// What is looked at while it learns: walks from the same noise each time, and the error over t. Between two steps of either,
// messages come in.

import { have, theOne } from "./learning-device.js";
import { inTurn } from "./queue.js";

/** @typedef {import("../compute/wasm.js").Learner} Learner */
/** @typedef {<T>(work: (learner: Learner) => T | Promise<T>) => Promise<T>} Using work of the learner, wherever it is */

/** Images that are drawn, and how. */
const WALKS = { count: 16, seed: 7, numInferenceSteps: 10, guidanceScale: 2 };
/** Timesteps at which the error is measured. */
const TIMES = 8;

/** Lets messages in. */
export const breathe = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Each step of the walks is a turn of its own.
 * @param {object} of
 * @param {Using} of.using
 * @param {() => import("../protocol/learning.js").Learning} of.learning what is learned
 * @param {() => boolean} of.isWanted
 * @returns {Promise<{ step: number, images: Float32Array, shape: number[] } | null>} null: another thing was wanted meanwhile
 */
export async function drawWalks({ using, learning, isWanted }) {
  const { learner, model, chain, step } = await inTurn(null, async () => {
    const model = await using((learner) => learner.model());
    const { trainTimesteps, nullLabel } = model.info;
    const { label, step } = learning();
    const chain = model.chain({
      seed: WALKS.seed,
      count: WALKS.count,
      label,
      guidanceScale: label === null || nullLabel === null ? 1 : WALKS.guidanceScale,
      sampler: "ddim",
      spacing: "trailing",
      numInferenceSteps: Math.min(WALKS.numInferenceSteps, trainTimesteps),
    });
    return { learner: theOne(), model, chain, step };
  });
  let walks = null;
  while (learner !== null) {
    const { done, xPrev } = await inTurn(null, () => have(learner, () => chain.step()));
    if (done) walks = { step, images: xPrev, shape: Array.from(chain.shape) };
    else await breathe();
    if (done || !isWanted() || theOne() !== learner) break;
  }
  // After a step that failed they may not be free yet: then they go with what collects garbage.
  chain.free();
  model.free();
  return walks;
}

/**
 * Where the error over t is measured.
 * @param {Using} using
 * @returns {Promise<number[]>}
 */
export async function timesOf(using) {
  const T = await inTurn(null, async () => {
    const model = await using((learner) => learner.model());
    const { trainTimesteps } = model.info;
    model.free();
    return trainTimesteps;
  });
  return Array.from({ length: TIMES }, (_, i) => Math.floor(((i + 0.5) * T) / TIMES));
}

/**
 * The error at each of some times.
 * @param {Using} using
 * @param {number[]} timesteps
 * @param {boolean} isBefore whether it is that of the network before it learned
 */
export async function errorsAt(using, timesteps, isBefore) {
  /** @type {(number | null)[]} */
  const all = [];
  for (const t of timesteps) {
    const error = await inTurn(null, () => using((learner) => learner.errorAt(t, isBefore)));
    all.push(error ?? null);
    await breathe();
  }
  return all;
}
