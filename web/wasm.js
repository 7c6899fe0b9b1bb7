// The two builds of the crate, as the worker sees them: one computes on the CPU, one on WebGPU. Each is
// loaded only when it is needed. Their types are written from crate/src/web/ by `cargo xtask generate`.

import { fetchCounted } from "./download.js";
import { loadModule } from "./load-module.js";
import { place } from "./places.js";

/** @typedef {import("./protocol.js").Device} Device */

/** @typedef {typeof import("./walkback.js")} Exports of the module for WebGPU */
/** @typedef {Omit<Exports, "prepare"> & Partial<Pick<Exports, "prepare">>} WasmModule the one for the CPU has nothing to prepare */
/** @typedef {import("./walkback.js").Chain} Chain */
/** @typedef {import("./walkback.js").Model} Model */
/** @typedef {import("./walkback.js").ForwardWalk} ForwardWalk */

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
