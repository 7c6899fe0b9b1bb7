// The two builds of the crate, as the worker sees them: one computes on the CPU, one on WebGPU. Each is
// loaded only when it is needed. The types say what crate/src/web.rs exports.

import { fetchCounted } from "./download.js";

/** @typedef {import("./protocol.js").Device} Device */
/** @typedef {import("./protocol.js").ModelInfo} ModelInfo */

/**
 * @typedef {object} Step
 * @property {number} index
 * @property {number} t the timestep the network was evaluated at
 * @property {Float32Array} xt the state after the step
 * @property {Float32Array} x0
 * @property {Float32Array} eps
 * @property {boolean} done
 */

/**
 * @typedef {object} Chain
 * @property {Uint32Array} timesteps
 * @property {Float32Array} xt
 * @property {number[]} shape
 * @property {() => Promise<Step>} step
 * @property {() => void} free
 */

/**
 * @typedef {object} Model
 * @property {ModelInfo} info
 * @property {() => Promise<Float32Array>} probe eps-hat for the fixed input that the golden value belongs to
 * @property {(options: import("./protocol.js").ChainOptions) => Chain} chain
 * @property {(x: Float32Array, count: number, timestep: number, labels: Uint32Array | undefined) => Promise<Float32Array>} predict
 * @property {() => void} free
 */

/**
 * @typedef {object} ModelClass
 * @property {(unetConfig: string, schedulerConfig: string, labels: string | undefined, weights: Uint8Array) => Promise<Model>} load
 */

/** @typedef {{ default: (init: { module_or_path: Response }) => Promise<unknown>, Model: ModelClass }} WasmModule */

/** @type {Map<Device, Promise<ModelClass>>} */
const loaded = new Map();

/**
 * Fetches, compiles and starts the build for one device; a second call gives the same module.
 * @param {Device} device
 * @param {import("./download.js").ByteCount} count
 * @returns {Promise<ModelClass>}
 */
export function loadWasm(device, count) {
  let module = loaded.get(device);
  if (module === undefined) {
    module = instantiate(device, count);
    loaded.set(device, module);
    module.catch(() => loaded.delete(device));
  }
  return module;
}

/** @param {Device} device @param {import("./download.js").ByteCount} count */
async function instantiate(device, count) {
  const base = new URL(`./pkg/${device}/`, import.meta.url);
  const binary = fetchCounted(new URL("walkback_bg.wasm", base), count);
  binary.catch(() => {});
  /** @type {WasmModule} */
  let module;
  try {
    module = await import(new URL("walkback.js", base).href);
  } catch {
    throw new Error(
      `web/pkg/${device}/walkback.js could not be loaded. Is the page complete? "cargo xtask serve" builds it.`,
    );
  }
  await module.default({ module_or_path: await binary });
  return module.Model;
}
