// Watches the GPU devices that this worker asks for: whether one is lost, and what one refuses to do. WebGPU
// tells both to nobody who does not ask, and goes on with zeros.

/** A GPU had no memory for what it was asked. */
export class GpuMemoryError extends Error {}

/** @type {(reason: string) => void} */
let tell = () => {};
/** Fulfilled, with the browser's reason, when a device that was asked for is lost. @type {Promise<string>} */
export const gpuLost = new Promise((resolve) => (tell = resolve));

/** How long after a failure the loss that caused it may still be told, in milliseconds. */
const SOON = 500;

/**
 * Whether a device is lost or about to be told so: what is asked of a lost one may fail, or even answer,
 * before the loss is told.
 * @returns {Promise<boolean>}
 */
export function gpuIsLost() {
  const soon = new Promise((resolve) => setTimeout(resolve, SOON, false));
  return Promise.race([gpuLost.then(() => true), soon]);
}

/** @type {Error[]} */
let errors = [];

/** What a device has refused since this was last asked. */
export function gpuErrors() {
  const found = errors;
  errors = [];
  return found;
}

/** @param {GPUError} error */
function keep({ constructor: { name }, message }) {
  // Chrome reports a buffer beyond the device's limits as a failed validation.
  const memory = name === "GPUOutOfMemoryError" || /buffer size|out of memory|limit/i.test(message);
  const Kind = memory ? GpuMemoryError : Error;
  if (errors.length < 10) errors.push(new Kind(`the GPU refused a part of the work: ${message}`));
}

/** Starts to watch; does nothing where there is no WebGPU. Call it once, before a model is loaded. */
export function watchGpu() {
  if (typeof GPUAdapter === "undefined") return;
  const adapter = GPUAdapter.prototype;
  const { requestDevice } = adapter;
  adapter.requestDevice = async function (...wishes) {
    const device = await requestDevice.apply(this, wishes);
    device.addEventListener("uncapturederror", ({ error }) => keep(error));
    device.lost.then(({ reason, message }) => tell(message || reason));
    return device;
  };
}
