// Counts what reaches the GPU. At batch 1 the number of dispatches is the speed of a step, and a count
// of zero means that the GPU computed nothing, whatever else is reported.

import { prototypeOf } from "./gpu-interfaces.js";

/**
 * @typedef {object} GpuWork what this worker gave the GPU since it started
 * @property {number} dispatches
 * @property {number} submits of anything at all
 * @property {number} buffers that were created
 * @property {number} reads buffers whose contents came back
 */

/** GPUMapMode.READ */
const READ = 1;

/** @type {GpuWork} */
const work = { dispatches: 0, submits: 0, buffers: 0, reads: 0 };

/** @returns {number} compute dispatches recorded so far */
export function dispatchCount() {
  return work.dispatches;
}

/** @returns {GpuWork} everything so far */
export function gpuWork() {
  return { ...work };
}

/** Starts to count, where this browser has the interfaces. Call it once, before a model is loaded. */
export function countDispatches() {
  const pass = prototypeOf("GPUComputePassEncoder");
  if (pass !== null) {
    const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = pass;
    pass.dispatchWorkgroups = function (...size) {
      work.dispatches += 1;
      return dispatchWorkgroups.apply(this, size);
    };
    pass.dispatchWorkgroupsIndirect = function (...source) {
      work.dispatches += 1;
      return dispatchWorkgroupsIndirect.apply(this, source);
    };
  }
  const queue = prototypeOf("GPUQueue");
  if (queue !== null) {
    const { submit } = queue;
    queue.submit = function (commands) {
      const buffers = [...commands];
      // Those of nothing are no work: see gpu-waking.js.
      if (buffers.length > 0) work.submits += 1;
      return submit.call(this, buffers);
    };
  }
  const buffer = prototypeOf("GPUBuffer");
  if (buffer !== null) {
    const { mapAsync } = buffer;
    buffer.mapAsync = function (mode, ...part) {
      if (mode === READ) work.reads += 1;
      return mapAsync.call(this, mode, ...part);
    };
  }
  const device = prototypeOf("GPUDevice");
  if (device !== null) {
    const { createBuffer } = device;
    device.createBuffer = function (descriptor) {
      work.buffers += 1;
      return createBuffer.call(this, descriptor);
    };
  }
}
