// Everything is computed here, off the page's thread. One script serves two workers: one holds the model, the other
// does arithmetic without it. Answers the calls of protocol/calls.js.

import { sentence } from "./basics/sentence.js";
import { countDispatches } from "./compute/gpu-counter.js";
import { gpuIsLost, gpuLost, watchGpu } from "./compute/gpu-watch.js";
import { arithmeticMethods } from "./worker/arithmetic.js";
import { damageOf } from "./worker/damage.js";
import { computingDevice, modelMethods } from "./worker/model.js";
import { cancel, current } from "./worker/queue.js";

/** @typedef {import("./protocol/calls.js").Calls} Calls */
/** @typedef {import("./protocol/calls.js").Method} Method */

/** @param {import("./protocol/messages.js").Reply} reply @param {Transferable[]} [transfer] */
function reply(reply, transfer = []) {
  self.postMessage(reply, { transfer });
}

/** How often it is said how far an evaluation is, in milliseconds. */
const TELL_EVERY = 100;
let told = 0;

// The crate calls this between layers: a message leaves, though the worker is busy.
Object.assign(self, {
  /** @param {number} share from 0 to 1 */
  walkbackProgress(share) {
    const now = performance.now();
    if (now - told < TELL_EVERY) return;
    told = now;
    reply({ share });
  },
});

/** @type {{ [M in Method]: (params: Calls[M]["params"], call: number) => unknown }} */
const methods = {
  ...modelMethods((progress) => reply({ progress })),
  ...arithmeticMethods,
};

/**
 * The buffers of an answer, which are handed over instead of copied.
 * @param {unknown} value
 * @param {Set<ArrayBuffer>} [found]
 */
function buffersIn(value, found = new Set()) {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) buffersIn(part, found);
  }
  return found;
}

/** @template {Method} M @param {M} method @param {Calls[M]["params"]} params @param {number} call */
async function answer(method, params, call) {
  return methods[method](params, call);
}

self.addEventListener(
  "message",
  async (/** @type {MessageEvent<import("./protocol/messages.js").Request>} */ { data }) => {
    if ("cancel" in data) {
      cancel(data.cancel);
      return;
    }
    const { id, method, params } = data;
    try {
      const result = await answer(method, params, id);
      reply({ id, result }, [...buffersIn(result)]);
    } catch (error) {
      // Then the loss is reported.
      if (computingDevice() === "webgpu" && (await gpuIsLost())) return;
      const damage = damageOf(error);
      if (damage !== null) reply({ broken: { ...damage, call: id } });
      else {
        console.warn(error);
        reply({ id, error: sentence(error) });
      }
    }
  },
);

// A trap in the middle of an asynchronous call does not reject the call; it only arrives here.
/** @param {unknown} error @param {string} [message] what is known where there is no error object */
async function giveUp(error, message) {
  const call = current();
  if (computingDevice() === "webgpu" && (await gpuIsLost())) return;
  const damage =
    damageOf(error) ??
    (message === undefined ? null : /** @type {const} */ ({ kind: "trap", reason: message }));
  if (damage !== null) reply({ broken: { ...damage, call } });
}
self.addEventListener("error", (event) => {
  event.preventDefault();
  giveUp(event.error, event.message);
});
self.addEventListener("unhandledrejection", (event) => giveUp(event.reason));

// While a model loads, compute/startup.js handles the loss.
gpuLost.then((reason) => {
  if (computingDevice() === "webgpu") reply({ broken: { kind: "lost", reason, call: current() } });
});

watchGpu();
countDispatches();
