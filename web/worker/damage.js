// Which errors leave a worker that must not be used again: after a trap the crate's memory may be inconsistent, and
// after a rejected operation the GPU's may be.

import { sentence } from "../basics/sentence.js";
import { GpuRefusal } from "../compute/gpu-watch.js";

/** @typedef {Omit<import("../protocol/breakdown.js").BreakdownReport, "call">} Damage */

/** The message of the crate's last panic, if it had one. @returns {string | null} */
function panicMessage() {
  const message = /** @type {{ walkbackPanic?: unknown }} */ (globalThis).walkbackPanic;
  return typeof message === "string" && message !== "" ? message : null;
}

const MEMORY =
  /out of memory|could not allocate|allocation failed|memory access limit|buffer.*too big/i;

/**
 * @param {unknown} error
 * @returns {Damage | null} null where nothing is damaged
 */
export function damageOf(error) {
  if (error instanceof GpuRefusal) {
    return { kind: error.memory ? "memory" : "trap", reason: sentence(error) };
  }
  if (!(error instanceof Error) || typeof WebAssembly !== "object") return null;
  if (error instanceof WebAssembly.RuntimeError) {
    const panic = panicMessage();
    if (panic !== null) return { kind: MEMORY.test(panic) ? "memory" : "trap", reason: panic };
    // Rust aborts without a word where memory is refused, and nowhere else.
    if (/unreachable/i.test(error.message)) {
      return { kind: "memory", reason: "WebAssembly got no more memory" };
    }
    return { kind: "trap", reason: error.message };
  }
  // Firefox calls it an InternalError.
  if (/call stack|recursion/i.test(error.message)) return { kind: "trap", reason: error.message };
  if (error instanceof RangeError && MEMORY.test(error.message)) {
    return { kind: "memory", reason: error.message };
  }
  return null;
}
