// The open chains, by number. Each makes one step at a time and can be closed at any moment.

import { dispatchCount } from "../compute/gpu-counter.js";
import { inTurn } from "./queue.js";

/** @typedef {import("../protocol/calls.js").ModelCalls} ModelCalls */
/** @typedef {{ chain: import("../compute/wasm.js").Chain, closed: boolean }} Walk */

/** @type {Map<number, Walk>} */
const walks = new Map();

/**
 * @param {import("../compute/wasm.js").Model} model
 * @param {ModelCalls["open"]["params"]} params
 * @returns {ModelCalls["open"]["result"]}
 */
export function openChain(model, { chain: id, options }) {
  const chain = model.chain(options);
  walks.set(id, { chain, closed: false });
  const { timesteps, alphasCumprod, shape, xt } = chain;
  return { timesteps, alphasCumprod, shape: Array.from(shape), xt };
}

/**
 * Must be called in turn.
 * @param {number} id
 * @returns {Promise<ModelCalls["step"]["result"]>}
 */
export async function stepChain(id) {
  const walk = walks.get(id);
  if (walk === undefined) return null;
  const dispatches = dispatchCount();
  const began = performance.now();
  const { index, timestep, xPrev, x0, eps, done } = await walk.chain.step();
  const milliseconds = performance.now() - began;
  if (walk.closed) return null;
  return {
    index,
    timestep,
    xPrev,
    x0,
    eps,
    done,
    milliseconds,
    dispatches: dispatchCount() - dispatches,
  };
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
