// The page's engine without the page around it: a test loads a model, walks, and breaks the worker meanwhile.

import { Arithmetic } from "../../web/client/arithmetic.js";
import { Engine } from "../../web/client/engine.js";

/** @typedef {import("./worker-faults.js").Order} Order */
/** @typedef {import("../../web/protocol/messages.js").Frame} Frame */

/** @type {{ notice: string, device: string | null }[]} */
const changes = [];
/** What loads were doing, as often as it was said. @type {string[]} */
const activities = [];
const engine = new Engine(
  ({ activity }) => activities.push(activity),
  ({ notice, loaded }) => changes.push({ notice, device: loaded?.info.device ?? null }),
);
const channel = new BroadcastChannel("faults");

/**
 * Has the worker with the model do something to itself.
 * @param {Order} order
 * @returns {Promise<{ memory: number, buffers: number, bytes: number }>}
 */
function tell(order) {
  return new Promise((resolve) => {
    /** @param {MessageEvent} event */
    const hear = ({ data }) => {
      if (data.done !== order) return;
      channel.removeEventListener("message", hear);
      resolve(data);
    };
    channel.addEventListener("message", hear);
    channel.postMessage({ order });
  });
}

/**
 * A whole walk; before the steps named, the worker is told to break.
 * @param {import("../../web/protocol/messages.js").ChainOptions} options
 * @param {Record<number, Order>} [faults]
 */
async function walk(options, faults = {}) {
  const chain = await engine.open(options);
  if (chain === null) throw new Error("the chain was closed");
  /** @type {Frame[]} */
  const frames = [];
  for (let done = false; !done;) {
    const fault = faults[frames.length];
    if (fault !== undefined) await tell(fault);
    const frame = await chain.step();
    if (frame === null) throw new Error("the chain ended early");
    frames.push(frame);
    done = frame.done;
  }
  chain.close();
  return frames.map(({ index, timestep, xt, x0, eps, xPrev, dispatches }) => ({
    index,
    timestep,
    dispatches,
    xt: Array.from(xt),
    x0: Array.from(x0),
    eps: Array.from(eps),
    xPrev: Array.from(xPrev),
  }));
}

Object.assign(globalThis, {
  activities,
  engine,
  arithmetic: new Arithmetic(),
  changes,
  tell,
  walk,
});
