// Where the learner is: on the GPU or the CPU, each with a build of the crate of its own. A GPU that is lost, rejects something
// or traps is left for good: what was kept last goes on on the CPU.

import { sentence } from "../basics/sentence.js";
import { ByteCount } from "../compute/download.js";
import { GpuRefusal, doneInFull, gpuLost, watchGpu } from "../compute/gpu-watch.js";
import { findGpu } from "../compute/gpu.js";
import { isOfGpuLearner, loadLearnerWasm } from "../compute/wasm.js";

/** @typedef {import("../protocol/messages.js").Device} Device */
/** @typedef {import("../compute/wasm.js").Learner} Learner */
/** @typedef {import("../compute/wasm.js").LearnerModule} LearnerModule */

/** @type {Learner | null} */
let learner = null;
/** Where it is. @type {Device} */
let device = "cpu";
/** What the learner on the GPU can be continued from. @type {Uint8Array | null} */
let good = null;
/** Whether the GPU is left for good. */
let isGpuLeft = false;
let isWatched = false;
/** Why the GPU is lost. @type {Error | null} */
let loss = null;
/** Ends the work that the GPU has now. @type {(error: unknown) => void} */
let end = () => {};

gpuLost.then((reason) => {
  loss = new Error(`it was lost: ${reason}`);
  // Calls to a lost GPU may never end.
  end(loss);
});

/** @returns {Learner | null} */
export const theOne = () => learner;

/** @returns {boolean} whether the learner is on the GPU */
export const isOnGpu = () => learner !== null && device === "webgpu";

/** Frees the learner. */
export function letGo() {
  learner?.free();
  learner = null;
  good = null;
}

/** What the learner, if it is on the GPU, is continued from where the GPU fails. @param {Uint8Array} kept */
export function keepInMind(kept) {
  if (isOnGpu()) good = kept;
}

const load = (/** @type {Device} */ where) => loadLearnerWasm(where, new ByteCount(() => {}));

/** What is wrong with the visitor's examples or numbers, and not with a device. @param {unknown} error */
const isOfLearning = (error) => error instanceof Error && error.name === "LearnError";

/**
 * Work of the GPU, as long as it is there.
 * @template T
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
function whileThere(work) {
  if (loss !== null) return Promise.reject(loss);
  /** @type {Promise<never>} */
  const ended = new Promise((_, reject) => {
    end = reject;
  });
  return Promise.race([doneInFull(work), ended]);
}

/** Whether an error leaves a module that must not be used again. @param {unknown} error */
const isDamage = (error) =>
  error === loss || error instanceof GpuRefusal || error instanceof WebAssembly.RuntimeError;

/**
 * A learner on the device that is wanted, or on the CPU where the GPU cannot do it.
 * @param {Device} wanted
 * @param {(module: LearnerModule) => Promise<Learner>} make
 * @returns {Promise<{ learner: Learner, device: Device, notice: string }>} why it is not on the GPU, as a sentence; "" if it is where it was wanted
 */
export async function begin(wanted, make) {
  letGo();
  let notice = "";
  if (wanted === "webgpu" && !isGpuLeft) {
    try {
      const made = await whileThere(() => makeOnGpu(make));
      [learner, device] = [made, "webgpu"];
      return { learner: made, device, notice };
    } catch (error) {
      if (isDamage(error)) leaveGpu();
      console.warn(error);
      notice = `Learning did not begin on the GPU (${sentence(error)}), so it runs on the CPU.`;
    }
  }
  const made = await make(await load("cpu"));
  [learner, device] = [made, "cpu"];
  return { learner: made, device, notice };
}

/** @param {(module: LearnerModule) => Promise<Learner>} make */
async function makeOnGpu(make) {
  const gpu = await findGpu();
  if (!gpu.available) throw new Error(gpu.reason);
  if (!isWatched) watchGpu();
  isWatched = true;
  const module = await load("webgpu");
  await module.checkGpu?.();
  return make(module);
}

function leaveGpu() {
  isGpuLeft = true;
  // The message of its panic is not that of the next module's.
  Object.assign(globalThis, { walkbackPanic: "" });
}

/**
 * Work of the learner.
 * @template T
 * @param {Learner} one
 * @param {(one: Learner) => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function have(one, work) {
  return isOnGpu() ? whileThere(() => work(one)) : work(one);
}

/**
 * After an error: the learner on the CPU, as it was kept last, if the GPU is to blame.
 * @param {unknown} error
 * @returns {Promise<{ learner: Learner, step: number, notice: string } | null>} null where it is not
 */
export async function afterGpu(error) {
  if (!isOnGpu() || good === null || isOfLearning(error)) return null;
  console.warn(error);
  leaveGpu();
  // Not freed: nothing in its module is to be relied on.
  learner = null;
  const module = await load("cpu");
  const made = await module.Learner.continued(good);
  [learner, device, good] = [made, "cpu", null];
  const step = made.step;
  const notice = `The GPU failed (${sentence(error)}), so learning continues on the CPU from step ${step}.`;
  return { learner: made, step, notice };
}

/**
 * Takes an error that reaches nobody who waits, as a trap in the middle of an asynchronous call does.
 * @param {unknown} error
 * @returns {boolean} whether it is the GPU's
 */
export function takeFromGpu(error) {
  const isTrap = isOnGpu() && error instanceof WebAssembly.RuntimeError;
  if (!isTrap && !isOfGpuLearner(error)) return false;
  // Work that was left behind fails, too, where it is there no more.
  if (!isGpuLeft) end(error);
  return true;
}
