// What goes wrong with the page's workers in tests, for real: this is served in front of web/worker.js or web/learner.js (see
// faults.js), keeps hold of what the worker is made of, and breaks or counts it when a test says so.

/** @typedef {"destroy" | "corrupt" | "count" | "starve" | "offend"} Order */

/** Whether this worker has the model; the other one is left alone. */
let hasModel = false;
/** @type {WebAssembly.Memory[]} */
const memories = [];
/** @type {GPUDevice[]} */
const devices = [];
/** Buffers that were made and not destroyed, unless nobody has them any more. @type {Map<number, WeakRef<GPUBuffer>>} */
const buffers = new Map();
/** @type {WeakMap<GPUBuffer, number>} */
const numbers = new WeakMap();
let lastBuffer = 0;
const gpu = new URL(import.meta.url).searchParams;
/** Bytes that the GPU has. */
const gpuMemory = Number(gpu.get("memory") ?? Infinity);
/** Whether it gives no more. */
let starved = false;

/** @returns {GPUBuffer[]} */
function liveBuffers() {
  // There where the browser was started with --expose-gc.
  /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
  return [...buffers.values()].flatMap((reference) => reference.deref() ?? []);
}

/**
 * The size that the browser is asked for: where the GPU of the test has no room, one for which the real one
 * has none either, so that what follows is what follows.
 * @param {GPUDevice} device
 * @param {number} size
 */
function sizeToAsk(device, size) {
  const { maxBufferSize } = device.limits;
  // Beyond the limits is a failed validation; as much as they allow, SwiftShader has no memory for.
  if (starved) return maxBufferSize + 4;
  const held = liveBuffers().reduce((sum, buffer) => sum + buffer.size, 0);
  return held + size > gpuMemory ? maxBufferSize : size;
}

self.addEventListener("message", ({ data }) => {
  if (["load", "begin", "continue"].includes(data.method)) hasModel = true;
});

/** @param {WebAssembly.Instance} instance */
function hold(instance) {
  const { memory } = instance.exports;
  if (memory instanceof WebAssembly.Memory) memories.push(memory);
}

const { instantiate, instantiateStreaming } = WebAssembly;
WebAssembly.instantiateStreaming = async (source, imports) => {
  const result = await instantiateStreaming(source, imports);
  hold(result.instance);
  return result;
};
// Where streaming is not to be had, the crate's glue falls back to this.
WebAssembly.instantiate = /** @type {any} */ (
  async (/** @type {any} */ source, /** @type {any} */ imports) => {
    const result = /** @type {any} */ (await instantiate(source, imports));
    hold(result.instance ?? result);
    return result;
  }
);

if (typeof GPUAdapter !== "undefined") {
  const piece = gpu.get("piece");
  if (piece !== null) {
    const value = Number(piece);
    Object.defineProperty(GPUSupportedLimits.prototype, "maxStorageBufferBindingSize", { value });
  }
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...wishes) {
    const device = await requestDevice.apply(this, wishes);
    devices.push(device);
    return device;
  };
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const size = sizeToAsk(this, descriptor.size);
    const buffer = createBuffer.call(this, { ...descriptor, size });
    buffers.set(++lastBuffer, new WeakRef(buffer));
    numbers.set(buffer, lastBuffer);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    buffers.delete(numbers.get(this) ?? 0);
    return destroy.call(this);
  };
}

/**
 * Rust's constants lie behind its stack of 1 MiB, and with them the tables by which it finds its functions. There are more of
 * them than this: what lies behind them is the allocator's, which would only say that there is no memory.
 */
function corrupt() {
  for (const { buffer } of memories) new Uint8Array(buffer, 2 ** 20, 48 * 2 ** 10).fill(0xfe);
}
/** Takes all memory that is left, which should be limited. */
function hog() {
  for (const memory of memories) {
    try {
      for (;;) memory.grow(1);
    } catch {
      // Nothing is left.
    }
  }
}
// For one worker of several, or at a moment that only it knows.
Object.assign(globalThis, { corrupt, hog });

const channel = new BroadcastChannel("faults");
channel.addEventListener("message", (/** @type {MessageEvent<{ order: Order }>} */ { data }) => {
  if (!hasModel || !("order" in data)) return;
  if (data.order === "destroy") devices.at(-1)?.destroy();
  if (data.order === "starve") starved = true;
  // MAP_READ and STORAGE, which no buffer can be at once; nothing else is touched.
  if (data.order === "offend") devices.at(-1)?.createBuffer({ size: 4, usage: 0x01 | 0x80 });
  if (data.order === "corrupt") corrupt();
  const live = liveBuffers();
  channel.postMessage({
    done: data.order,
    memory: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    buffers: live.length,
    bytes: live.reduce((sum, { size }) => sum + size, 0),
  });
});
