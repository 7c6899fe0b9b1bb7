// The methods of the worker without a model. The first call loads the CPU build of the crate.

import { ByteCount } from "../compute/download.js";
import { loadWasm } from "../compute/wasm.js";
import { inTurn, inTurnUnlessCancelled } from "./queue.js";

/** @typedef {import("../protocol/calls.js").ArithmeticCalls} ArithmeticCalls */
/** @typedef {import("../compute/wasm.js").ForwardWalk} ForwardWalk */

/** @type {Map<number, ForwardWalk>} */
const walks = new Map();

const wasm = () => loadWasm("cpu", new ByteCount(() => {}));

/** @param {ForwardWalk} walk @returns {import("../protocol/messages.js").ForwardState} */
function stateOf({ t, xt, mean, deviation }) {
  return { t, xt, mean, deviation };
}

/** @param {number[]} shape */
const shaped = (shape) => Uint32Array.from(shape);

/** @type {{ [M in keyof ArithmeticCalls]: (params: ArithmeticCalls[M]["params"], call: number) => Promise<ArithmeticCalls[M]["result"] | undefined> }} undefined for a cancelled call */
export const arithmeticMethods = {
  noise: ({ seed, draws, size }, call) =>
    inTurnUnlessCancelled(call, async () => (await wasm()).noise(seed, draws, size)),
  scheduleOf: ({ betaSchedule, trainTimesteps }, call) =>
    inTurnUnlessCancelled(call, async () =>
      (await wasm()).scheduleOf(betaSchedule, trainTimesteps),
    ),
  addNoise: ({ x0, eps, alphaCumprod }, call) =>
    inTurnUnlessCancelled(call, async () => (await wasm()).addNoise(x0, eps, alphaCumprod)),
  removeNoise: ({ xt, eps, alphaCumprod }, call) =>
    inTurnUnlessCancelled(call, async () => (await wasm()).removeNoise(xt, eps, alphaCumprod)),
  slerp: ({ a, b, share }, call) =>
    inTurnUnlessCancelled(call, async () => (await wasm()).slerp(a, b, share)),

  openForward: ({ walk: id, x0, count, betas, seed, naive }, call) =>
    inTurn(call, async () => {
      const walk = new (await wasm()).ForwardWalk(x0, count, betas, seed, naive);
      walks.set(id, walk);
      return stateOf(walk);
    }),
  advanceForward: ({ walk: id, steps }, call) =>
    inTurnUnlessCancelled(call, () => {
      const walk = walks.get(id);
      if (walk === undefined) return null;
      walk.advance(steps);
      return stateOf(walk);
    }),
  closeForward: ({ walk: id }, call) =>
    inTurn(call, () => {
      walks.get(id)?.free();
      walks.delete(id);
      return null;
    }),

  gif: ({ columns, scale, frames }, call) =>
    inTurnUnlessCancelled(call, async () => {
      const gif = new (await wasm()).Gif(columns, scale);
      try {
        for (const { images, shape, centiseconds } of frames) {
          gif.push(images, shaped(shape), centiseconds);
        }
      } catch (error) {
        gif.free();
        throw error;
      }
      return gif.finish();
    }),
  safetensors: ({ tensors }, call) =>
    inTurnUnlessCancelled(call, async () => (await wasm()).safetensors(tensors)),
};
