// Watches the GPU devices of this worker: whether one is lost, and which operations it rejects. By itself WebGPU
// reports neither, and continues with zeros.

import { prototypeOf } from "./gpu-interfaces.js";
import { lookUntil } from "./gpu-waking.js";

/** A GPU did not do a part of its work, so its results are not valid. */
export class GpuRefusal extends Error {
  /** @param {GPUError} error */
  constructor({ constructor: { name }, message }) {
    // The lines below the first are about the browser's own code.
    super(`the GPU rejected an operation: ${message.split("\n")[0]?.trim()}`);
    // Chrome reports a buffer beyond the device's limits as a failed validation.
    this.memory =
      name === "GPUOutOfMemoryError" || /buffer size|out of memory|limit/i.test(message);
  }
}

/** @type {(reason: string) => void} */
let resolveLost = () => {};
/** Fulfilled, with the browser's reason, when a device that was asked for is lost. @type {Promise<string>} */
export const gpuLost = new Promise((resolve) => (resolveLost = resolve));

/** How long after a failure the loss that caused it may be reported, in milliseconds. */
const SOON = 500;

/**
 * Whether a device is lost, or is about to be reported as lost: calls to a lost one may fail, or even answer,
 * before the loss is reported.
 * @returns {Promise<boolean>}
 */
export function gpuIsLost() {
  const soon = new Promise((resolve) => setTimeout(resolve, SOON, false));
  return Promise.race([gpuLost.then(() => true), soon]);
}

/** @type {GpuRefusal[]} */
let refusals = [];

/** What was refused since this was last asked. @returns {GpuRefusal | null} */
function refusal() {
  const found = refusals;
  refusals = [];
  // Work with a buffer for which there was no memory is invalid, too.
  return found.find(({ memory }) => memory) ?? found[0] ?? null;
}

/**
 * Work whose result is valid only if the GPU rejected none of it.
 * @template T
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>} rejected with a GpuRefusal where there was one, whatever else came of it
 */
export async function doneInFull(work) {
  /** @type {T} */
  let answer;
  try {
    answer = await work();
  } catch (error) {
    throw refusal() ?? error;
  }
  const refused = refusal();
  if (refused !== null) throw refused;
  return answer;
}

/** @param {GPUError} error */
function keep(error) {
  if (refusals.length < 10) refusals.push(new GpuRefusal(error));
}

const SCOPES = /** @type {const} */ (["out-of-memory", "validation", "internal"]);

/** @param {GPUDevice} device */
function openScopes(device) {
  for (const scope of SCOPES) device.pushErrorScope(scope);
}

/**
 * Keeps what a device has refused up to here.
 * @param {GPUDevice} device
 */
async function closeScopes(device) {
  const found = SCOPES.map(() => device.popErrorScope());
  openScopes(device);
  // A lost device reports nothing here; its loss is reported elsewhere.
  for (const error of await Promise.all(found).catch(() => [])) if (error !== null) keep(error);
}

/**
 * Starts to watch; does nothing where an interface is missing, without which gpu.js finds no GPU either. Call it once,
 * before a model is loaded.
 */
export function watchGpu() {
  const adapter = prototypeOf("GPUAdapter");
  const buffer = prototypeOf("GPUBuffer");
  if (adapter === null || buffer === null) return;
  /** @type {GPUDevice[]} */
  const devices = [];
  const { requestDevice } = adapter;
  adapter.requestDevice = async function (...wishes) {
    const device = await requestDevice.apply(this, wishes);
    device.lost.then(({ reason, message }) => resolveLost(message || reason));
    // Errors outside the scopes; the crate would trap.
    device.addEventListener("uncapturederror", (event) => {
      event.stopImmediatePropagation();
      event.preventDefault();
      keep(event.error);
    });
    openScopes(device);
    devices.push(device);
    return device;
  };
  // Every answer is read from a mapped buffer, which is zero where the work was refused, and may be there
  // before the event that says so. A scope's answer comes for certain, and is waited for with the mapping.
  const { mapAsync } = buffer;
  buffer.mapAsync = async function (...range) {
    const checks = devices.map(closeScopes);
    const mapped = mapAsync.apply(this, range);
    lookUntil(mapped, devices);
    await Promise.allSettled([mapped, ...checks]);
    return mapped;
  };
}
