// Counts what reaches the GPU. At batch 1 the number of dispatches is the speed of a step, and a count
// of zero means that the GPU computed nothing, whatever else is claimed.

/** Compute dispatches recorded by this worker since it started. */
let dispatches = 0;

/** @returns {number} compute dispatches recorded so far */
export function dispatchCount() {
  return dispatches;
}

/** Starts to count; does nothing where there is no WebGPU. Call it once, before a model is loaded. */
export function countDispatches() {
  if (typeof GPUComputePassEncoder === "undefined") return;
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = pass;
  pass.dispatchWorkgroups = function (...size) {
    dispatches += 1;
    return dispatchWorkgroups.apply(this, size);
  };
  pass.dispatchWorkgroupsIndirect = function (...source) {
    dispatches += 1;
    return dispatchWorkgroupsIndirect.apply(this, source);
  };
}
