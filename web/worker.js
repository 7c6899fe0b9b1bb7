// Everything is computed here, off the page's thread. Answers the calls of protocol.js: one model, any
// number of chains, one step at a time in the order asked for.

import { countDispatches, dispatchCount } from "./gpu-counter.js";
import { sentence } from "./sentence.js";
import { start } from "./startup.js";

/** @typedef {import("./protocol.js").Calls} Calls */
/** @typedef {import("./protocol.js").Method} Method */
/** @typedef {{ chain: import("./wasm.js").Chain, state: Float32Array, closed: boolean }} Walk */

/** @type {import("./wasm.js").Model | null} */
let model = null;
/** @type {Map<number, Walk>} */
const walks = new Map();

/** @param {import("./protocol.js").Reply} reply */
function reply(reply) {
  self.postMessage(reply);
}

/** The end of the queue: work on the device that was asked for earlier. */
let queue = Promise.resolve();

/**
 * Runs work after all work asked for before it: the device computes one thing at a time, and nothing is
 * freed while it is computing.
 * @template T
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
function inTurn(work) {
  const result = queue.then(work);
  queue = result.then(
    () => {},
    () => {},
  );
  return result;
}

/** @type {{ [M in Method]: (params: Calls[M]["params"]) => Calls[M]["result"] | Promise<Calls[M]["result"]> }} */
const methods = {
  load(wish) {
    for (const chain of walks.keys()) close(chain);
    return inTurn(async () => {
      model?.free();
      model = null;
      const started = await start(wish, (progress) => reply({ progress }));
      model = started.model;
      return started.loaded;
    });
  },

  open({ chain: id, options }) {
    if (model === null) throw new Error("no model is loaded yet");
    const chain = model.chain(options);
    const state = chain.xt;
    walks.set(id, { chain, state, closed: false });
    return { timesteps: chain.timesteps, shape: Array.from(chain.shape), xt: state };
  },

  step({ chain: id }) {
    return inTurn(async () => {
      const walk = walks.get(id);
      if (walk === undefined) return null;
      const dispatches = dispatchCount();
      const began = performance.now();
      const { index, t, xt, x0, eps, done } = await walk.chain.step();
      const milliseconds = performance.now() - began;
      if (walk.closed) return null;
      const before = walk.state;
      walk.state = xt;
      return {
        index,
        timestep: t,
        xt: before,
        x0,
        eps,
        next: xt,
        done,
        milliseconds,
        dispatches: dispatchCount() - dispatches,
      };
    });
  },

  close({ chain }) {
    close(chain);
    return null;
  },
};

/** Forgets a chain at once; its memory is freed when the step it may be in is over. @param {number} id */
function close(id) {
  const walk = walks.get(id);
  if (walk === undefined) return;
  walk.closed = true;
  walks.delete(id);
  inTurn(() => walk.chain.free()).catch(() => {});
}

/**
 * @template {Method} M
 * @param {M} method
 * @param {Calls[M]["params"]} params
 * @returns {Promise<Calls[M]["result"]>}
 */
async function answer(method, params) {
  return methods[method](params);
}

self.addEventListener(
  "message",
  async (/** @type {MessageEvent<import("./protocol.js").Request>} */ event) => {
    const { id, method, params } = event.data;
    try {
      reply({ id, result: await answer(method, params) });
    } catch (error) {
      console.warn(error);
      reply({ id, error: sentence(error) });
    }
  },
);

countDispatches();
