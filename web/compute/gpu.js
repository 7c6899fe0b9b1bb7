// Whether WebGPU is worth using here.

/**
 * @typedef {object} Gpu
 * @property {boolean} available whether WebGPU gives an adapter at all
 * @property {boolean} software whether that adapter is imitated on the CPU (then the CPU itself is faster)
 * @property {string} name what the browser tells of the adapter: maker and architecture, seldom more; "" if nothing
 * @property {string} reason why WebGPU is not the choice, as the first half of a sentence; "" if it is
 */

/** @returns {Promise<Gpu>} */
export async function findGpu() {
  if (navigator.gpu === undefined) {
    const reason = globalThis.isSecureContext
      ? "This browser has no WebGPU"
      : "Browsers give WebGPU only to pages on https or localhost";
    return { available: false, software: false, name: "", reason };
  }
  let adapter = null;
  try {
    adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch {
    // Same as none: a browser may refuse with an exception instead of null.
  }
  if (adapter === null) {
    return {
      available: false,
      software: false,
      name: "",
      reason: "WebGPU finds no GPU on this machine",
    };
  }
  // Older browsers say it on the adapter itself.
  const { info, isFallbackAdapter = false } =
    /** @type {GPUAdapter & { isFallbackAdapter?: boolean }} */ (adapter);
  const name =
    info === undefined
      ? ""
      : info.description || [info.vendor, info.architecture].filter(Boolean).join(" ");
  if (info?.isFallbackAdapter ?? isFallbackAdapter) {
    const reason = "WebGPU has only a software adapter here, slower than the CPU itself";
    return { available: true, software: true, name, reason };
  }
  return { available: true, software: false, name, reason: "" };
}
