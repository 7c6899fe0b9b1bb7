// The open chains, by number. Each makes one step at a time, or a few on a GPU, and can be closed at any moment.

import { dispatchCount } from "../compute/gpu-counter.js";
import { inTurn } from "./queue.js";

/** @typedef {import("../protocol/calls.js").ModelCalls} ModelCalls */
/**
 * @typedef {object} Walk
 * @property {import("../compute/wasm.js").Chain} chain
 * @property {boolean} closed
 * @property {number} index how many steps it has taken
 * @property {number} onGpu milliseconds of its latest step on a GPU; Infinity: none was taken there
 */

/** So many milliseconds pass at most between two frames of a walk of which few are seen. */
const PAUSE = 80;

/** @type {Map<number, Walk>} */
const walks = new Map();

/**
 * @param {import("../compute/wasm.js").Model} model
 * @param {ModelCalls["open"]["params"]} params
 * @returns {ModelCalls["open"]["result"]}
 */
export function openChain(model, { chain: id, options }) {
  const chain = model.chain(options);
  walks.set(id, { chain, closed: false, index: options.resume?.index ?? 0, onGpu: Infinity });
  const { timesteps, alphasCumprod, shape, xt } = chain;
  return { timesteps, alphasCumprod, shape: Array.from(shape), xt };
}

/**
 * A step, or as many at once as a GPU takes in a moment. Must be called in turn.
 * @param {ModelCalls["step"]["params"]} params
 * @returns {Promise<ModelCalls["step"]["result"]>}
 */
export async function stepChain({ chain: id, most = 1 }) {
  const walk = walks.get(id);
  if (walk === undefined) return null;
  const { chain } = walk;
  const left = chain.timesteps.length - walk.index;
  const steps = Math.max(1, Math.min(most, left, Math.floor(PAUSE / walk.onGpu)));
  const dispatchesBefore = dispatchCount();
  const began = performance.now();
  const frame = await chain.advance(steps);
  const milliseconds = (performance.now() - began) / steps;
  const dispatches = (dispatchCount() - dispatchesBefore) / steps;
  walk.index = frame.index + 1;
  walk.onGpu = dispatches > 0 ? milliseconds : Infinity;
  return walk.closed ? null : { ...frame, milliseconds, dispatches };
}

/** Forgets a chain at once; its memory is freed when the step it may be in is over. @param {number} id */
export function closeChain(id) {
  const walk = walks.get(id);
  if (walk === undefined) return;
  walk.closed = true;
  walks.delete(id);
  // Nothing awaits this; an error must reach the worker all the same.
  inTurn(null, () => walk.chain.free()).catch(reportError);
}

export function closeAllChains() {
  for (const id of walks.keys()) closeChain(id);
}
