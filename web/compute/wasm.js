// The builds of the crate, as the workers see them: one computes on the CPU, one on WebGPU, and for each device one learns.
// Each is loaded only when it is needed. Their types are written from crate/src/web/ by `cargo xtask generate`.

import { ModuleError, loadModule } from "../basics/load-module.js";
import { sentence } from "../basics/sentence.js";
import { ownFile } from "../own-file.js";
import { fetchCounted, fetchUntouched } from "./download.js";

/** @typedef {import("../protocol/messages.js").Device} Device */

/** @typedef {typeof import("../protocol/walkback.js")} Exports of the module for WebGPU */
/** @typedef {Omit<Exports, "prepare"> & Partial<Pick<Exports, "prepare">>} WasmModule the one for the CPU has nothing to prepare */
/** @typedef {import("../protocol/walkback.js").Chain} Chain */
/** @typedef {import("../protocol/walkback.js").Model} Model */
/** @typedef {import("../protocol/walkback.js").ForwardWalk} ForwardWalk */
/** @typedef {typeof import("../protocol/learner.js")} LearnerExports of the module that learns on WebGPU */
/** @typedef {Omit<LearnerExports, "checkGpu"> & Partial<Pick<LearnerExports, "checkGpu">>} LearnerModule the one for the CPU has no GPU to check */
/** @typedef {import("../protocol/learner.js").Learner} Learner */

/**
 * A module with one function whose body is an instruction of SIMD (i8x16.popcnt of a splat), which both builds need.
 * From the tests of https://github.com/GoogleChromeLabs/wasm-feature-detect.
 */
const SIMD = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0],
  ...[65, 0, 253, 15, 253, 98, 11],
);

/** The build that learns on WebGPU. */
const GPU_LEARNS = "learn-webgpu";
/** @typedef {Device | "learn" | typeof GPU_LEARNS} Build a folder of web/pkg/ */

/** @type {Map<Build, Promise<any>>} */
const loaded = new Map();

/**
 * Fetches, compiles and starts the build for one device; a second call gives the same module.
 * @param {Device} device
 * @param {import("./download.js").ByteCount} count
 * @returns {Promise<WasmModule>}
 */
export function loadWasm(device, count) {
  return load(device, count);
}

/**
 * The same for the build that learns.
 * @param {Device} device
 * @param {import("./download.js").ByteCount} count
 * @returns {Promise<LearnerModule>}
 */
export function loadLearnerWasm(device, count) {
  return load(device === "webgpu" ? GPU_LEARNS : "learn", count);
}

/** Whether an error comes from the build that learns on WebGPU: by the files in its stack. @param {unknown} error */
export const isOfGpuLearner = (error) =>
  error instanceof Error && (error.stack ?? "").includes(`/${GPU_LEARNS}/`);

/** @param {Build} build @param {import("./download.js").ByteCount} count */
function load(build, count) {
  let module = loaded.get(build);
  if (module === undefined) {
    module = instantiate(build, count);
    loaded.set(build, module);
    module.catch(() => loaded.delete(build));
  }
  return module;
}

/** @param {Build} build @param {import("./download.js").ByteCount} count */
async function instantiate(build, count) {
  if (!WebAssembly.validate(SIMD)) {
    throw new Error(
      "This browser's WebAssembly has no SIMD, which the network needs. Use a newer browser.",
    );
  }
  const base = ownFile(`pkg/${build}/`);
  const address = new URL("walkback_bg.wasm", base);
  const binary = fetchUntouched(address, count);
  binary.catch(() => {});
  /** @type {WasmModule | LearnerModule} */
  let module;
  try {
    module = await loadModule(() => import(new URL("walkback.js", base).href), "default");
  } catch (error) {
    const said = sentence(error instanceof ModuleError ? error.cause : error);
    throw new Error(
      `web/pkg/${build}/walkback.js could not be loaded (${said}). If it is missing, "cargo xtask serve" builds it.`,
    );
  }
  const { response, arrived } = await binary;
  try {
    await module
      .default({ module_or_path: response })
      .finally(arrived)
      .catch(async (error) => {
        // The connection broke off. Bytes that are counted go on where that happens again.
        if (!(error instanceof TypeError)) throw error;
        await module.default({ module_or_path: await fetchCounted(address, count) });
      });
  } catch (error) {
    const { CompileError, LinkError } = WebAssembly;
    if (!(error instanceof CompileError || error instanceof LinkError)) throw error;
    throw new Error(
      `web/pkg/${build}/walkback_bg.wasm cannot be used (${error.message}). Reload the page; if it is damaged or from another build, "cargo xtask serve" builds it again.`,
    );
  }
  return module;
}
