// The interfaces of WebGPU whose methods gpu-watch.js and gpu-counter.js replace. A browser can have some of them
// without the others: the workers of WebKitGTK know GPUComputePassEncoder and no GPUDevice. So each is looked up by its
// own name.

/** @typedef {{ GPUAdapter: GPUAdapter, GPUBuffer: GPUBuffer, GPUComputePassEncoder: GPUComputePassEncoder, GPUDevice: GPUDevice, GPUQueue: GPUQueue }} Interfaces */

const NAMES = /** @type {const} */ ([
  "GPUAdapter",
  "GPUBuffer",
  "GPUComputePassEncoder",
  "GPUDevice",
  "GPUQueue",
]);

/**
 * @template {keyof Interfaces} N
 * @param {N} name
 * @returns {Interfaces[N] | null} the interface's prototype; null where this browser does not have the interface
 */
export function prototypeOf(name) {
  const known = /** @type {Record<string, { prototype: Interfaces[N] } | undefined>} */ (
    /** @type {unknown} */ (globalThis)
  );
  return known[name]?.prototype ?? null;
}

/** @returns {string[]} names of the interfaces that this browser does not have here */
export function missingInterfaces() {
  return NAMES.filter((name) => prototypeOf(name) === null);
}
