// The two builds of the crate, as the worker sees them: one computes on the CPU, one on WebGPU. Each is
// loaded only when it is needed. The types say what crate/src/web/ exports.

import { fetchCounted } from "./download.js";
import { loadModule } from "./load-module.js";
import { place } from "./places.js";

/** @typedef {import("./protocol.js").Device} Device */
/** @typedef {import("./protocol.js").ModelInfo} ModelInfo */

/**
 * @typedef {object} Step
 * @property {number} index
 * @property {number} timestep where the network was evaluated
 * @property {Float32Array} xPrev the state after the step
 * @property {Float32Array} x0
 * @property {Float32Array} eps
 * @property {boolean} done
 */

/**
 * @typedef {object} Chain
 * @property {Uint32Array} timesteps
 * @property {Float64Array} alphasCumprod alpha-bar of the state before every step and after the last
 * @property {Float32Array} xt
 * @property {number[]} shape
 * @property {() => Promise<Step>} step
 * @property {() => void} free
 */

/**
 * @typedef {object} Model
 * @property {ModelInfo} info
 * @property {(images: number) => void} askAtMost the most images the network is asked about at once
 * @property {() => Promise<Float32Array>} probe eps-hat for the fixed input that the golden value belongs to
 * @property {() => { alphasCumprod: Float64Array, betas: Float64Array }} schedule
 * @property {(options: import("./protocol.js").ChainOptions) => Chain} chain
 * @property {(x: Float32Array, count: number, timestep: number, labels: Uint32Array | undefined) => Promise<Float32Array>} predict
 * @property {(x: Float32Array, count: number, timestep: number, labels: Uint32Array | undefined) => Promise<import("./protocol.js").Denoised>} denoise
 * @property {(x0: Float32Array, timestep: number, label: number | null, seed: number) => Promise<number>} boundTerm
 * @property {(x0: Float32Array) => number} priorTerm
 * @property {(x: Float32Array, timestep: number, label: number | null) => Promise<import("./protocol.js").Look>} look
 * @property {(timesteps: Uint32Array) => Float32Array} timeEmbeddings
 * @property {() => void} free
 */

/**
 * @typedef {object} ModelClass
 * @property {(unetConfig: string, schedulerConfig: string, labels: string | undefined, weights: Uint8Array) => Promise<Model>} load
 */

/**
 * @typedef {object} ForwardWalk
 * @property {number} t
 * @property {Float32Array} xt
 * @property {Float32Array} mean
 * @property {Float32Array} deviation
 * @property {(steps: number) => void} advance
 * @property {() => void} free
 */

/**
 * @typedef {object} Gif
 * @property {(images: Float32Array, shape: Uint32Array, centiseconds: number) => void} push
 * @property {() => Blob} finish consumes the Gif
 * @property {() => void} free where it is not finished
 */

/**
 * @typedef {object} WasmModule
 * @property {(init: { module_or_path: Response }) => Promise<unknown>} default
 * @property {ModelClass} Model
 * @property {(modelIndex: string) => void} checkModelIndex refuses a pipeline that is more than a U-Net and a scheduler
 * @property {(unetConfig: string) => Promise<void>} [prepare] on WebGPU: compiles what the network needs before its weights are there
 * @property {(seed: number, draws: number, size: number) => Float32Array} noise
 * @property {(betaSchedule: import("./protocol.js").BetaSchedule, trainTimesteps: number) => import("./protocol.js").ScheduleCurves} scheduleOf
 * @property {(x0: Float32Array, eps: Float32Array, alphaCumprod: number) => Float32Array} addNoise
 * @property {(xt: Float32Array, eps: Float32Array, alphaCumprod: number) => Float32Array} removeNoise
 * @property {(a: Float32Array, b: Float32Array, share: number) => Float32Array} slerp
 * @property {new (x0: Float32Array, count: number, betas: Float64Array, seed: number, naive: boolean) => ForwardWalk} ForwardWalk
 * @property {new (columns: number, scale: number) => Gif} Gif
 * @property {(tensors: import("./protocol.js").NamedTensor[]) => Blob} safetensors
 */

/** @type {Map<Device, Promise<WasmModule>>} */
const loaded = new Map();

/**
 * Fetches, compiles and starts the build for one device; a second call gives the same module.
 * @param {Device} device
 * @param {import("./download.js").ByteCount} count
 * @returns {Promise<WasmModule>}
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
  const base = place(`pkg/${device}/`);
  const binary = fetchCounted(new URL("walkback_bg.wasm", base), count);
  binary.catch(() => {});
  /** @type {WasmModule} */
  let module;
  try {
    module = await loadModule(() => import(new URL("walkback.js", base).href), "default");
  } catch {
    throw new Error(
      `web/pkg/${device}/walkback.js could not be loaded. Is the page complete? "cargo xtask serve" builds it.`,
    );
  }
  const response = await binary;
  try {
    await module.default({ module_or_path: response });
  } catch (error) {
    const { CompileError, LinkError } = WebAssembly;
    if (!(error instanceof CompileError || error instanceof LinkError)) throw error;
    throw new Error(
      `web/pkg/${device}/walkback_bg.wasm is damaged or of another build: reload the page, or build it again with "cargo xtask serve" (${error.message}).`,
    );
  }
  return module;
}
