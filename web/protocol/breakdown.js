// What can end a worker before its time, and what the visitor reads then.

/** @typedef {import("./messages.js").Method} Method */

/**
 * Why a worker is of no use any more: the GPU was lost; memory was refused; the computation trapped, after
 * which its memory is not to be trusted; or the worker never started.
 * @typedef {"lost" | "memory" | "trap" | "start"} BreakdownKind
 */

/**
 * What is reported of a breakdown.
 * @typedef {object} BreakdownReport
 * @property {BreakdownKind} kind
 * @property {string} reason as the browser or the crate puts it
 * @property {number | null} call which one it happened in, null if in none or not known
 */

/** A call ended because its worker did. */
export class Breakdown extends Error {
  /**
   * @param {BreakdownKind} kind
   * @param {string} reason
   * @param {Method} method the call
   * @param {"this" | "another" | "none"} culprit the call that was being computed, as far as is known
   */
  constructor(kind, reason, method, culprit) {
    super(explain(kind, reason, method));
    this.kind = kind;
    this.reason = reason;
    this.culprit = culprit;
  }
}

/** What was being done. @type {Record<Method, string>} */
const doing = {
  load: "loading the model",
  open: "starting a walk",
  step: "taking a step of a walk",
  close: "ending a walk",
  predict: "computing a prediction",
  denoise: "computing a prediction",
  boundTerm: "computing a term of the bound",
  priorTerm: "computing a term of the bound",
  look: "looking inside the network",
  timeEmbeddings: "computing the time embedding",
  noise: "drawing noise",
  scheduleOf: "computing a noise schedule",
  addNoise: "adding noise",
  removeNoise: "removing noise",
  slerp: "mixing two noises",
  openForward: "starting a forward walk",
  advanceForward: "walking forward",
  closeForward: "ending a forward walk",
  gif: "writing the animation",
  safetensors: "writing the tensors",
};

/** @param {BreakdownKind} kind @param {string} reason @param {Method} method */
function explain(kind, reason, method) {
  switch (kind) {
    case "lost":
      return `The GPU was lost while ${doing[method]} (${reason}). Try again, or open this page with ?device=cpu.`;
    case "memory":
      return `There is not enough memory for ${doing[method]} (${reason}). Walk fewer images at once, close other tabs, or choose a smaller model.`;
    case "trap":
      return `The computation failed while ${doing[method]} (${reason}). A new worker has replaced it; try again.`;
    case "start":
      return reason;
  }
}
