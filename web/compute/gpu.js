// Whether WebGPU is worth using here.

import { sentence } from "../basics/sentence.js";
import { missingInterfaces } from "./gpu-interfaces.js";

/**
 * @typedef {object} Gpu
 * @property {boolean} available whether WebGPU gives an adapter at all
 * @property {boolean} software whether that adapter is imitated on the CPU (then the CPU itself is faster)
 * @property {string} name what the browser says about the adapter: vendor and architecture, rarely more; "" if nothing
 * @property {string} reason why WebGPU is not the choice, as the first half of a sentence; "" if it is
 */

/** @param {string} reason @returns {Gpu} */
const none = (reason) => ({ available: false, software: false, name: "", reason });

/** @returns {Promise<Gpu>} */
export async function findGpu() {
  if (navigator.gpu === undefined) {
    return none(
      globalThis.isSecureContext
        ? "This browser has no WebGPU"
        : "Browsers offer WebGPU only to pages on https or localhost",
    );
  }
  const missing = missingInterfaces();
  // Rejected operations could not be detected.
  if (missing.length > 0) return none(`This browser's WebGPU has no ${missing.join(", ")}`);
  let adapter;
  try {
    adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    return none(`The request for a GPU failed (${sentence(error)})`);
  }
  if (adapter === null) return none("WebGPU found no GPU on this machine");
  // Older browsers have it on the adapter itself.
  const { info, isFallbackAdapter = false } =
    /** @type {GPUAdapter & { isFallbackAdapter?: boolean }} */ (adapter);
  const name =
    info === undefined
      ? ""
      : info.description || [info.vendor, info.architecture].filter(Boolean).join(" ");
  if (info?.isFallbackAdapter ?? isFallbackAdapter) {
    const reason = "WebGPU has only a software adapter here, which is slower than the CPU";
    return { available: true, software: true, name, reason };
  }
  return { available: true, software: false, name, reason: "" };
}
