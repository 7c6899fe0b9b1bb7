// Records what a worker asks of the GPU: dispatches, submits, buffers, and the bytes that kernels may touch.

/**
 * @typedef {object} Counts
 * @property {number} dispatches
 * @property {number} submits
 * @property {number} buffers created
 * @property {number} bytes in the storage buffers bound to the dispatches: read and written once each
 * @property {number} least bytes, if every kernel's output were written once and read once, and every buffer that no kernel writes (weights, inputs) read once
 */

/** GPUBufferUsage.STORAGE */
const STORAGE = 0x80;

const zero = () => ({ dispatches: 0, submits: 0, buffers: 0 });
let counts = zero();

/** One storage buffer as a dispatch sees it. @typedef {{ buffer: GPUBuffer, offset: number, size: number, written: boolean }} Bound */

/** @type {WeakMap<GPUComputePipeline, string>} */
const sources = new WeakMap();
/** @type {WeakMap<GPUShaderModule, string>} */
const codes = new WeakMap();
/** @type {WeakMap<GPUBindGroup, { binding: number, buffer: GPUBuffer, offset: number, size: number }[]>} */
const groups = new WeakMap();
/** @type {WeakMap<GPUComputePassEncoder, { pipeline?: GPUComputePipeline, groups: Map<number, GPUBindGroup> }>} */
const passes = new WeakMap();
/** @type {Bound[][]} since the counts were taken last */
let dispatched = [];

/** Which variables of a WGSL module a kernel may write, by group and binding. @param {string} code */
function writtenIn(code) {
  const variables = code.matchAll(
    /@group\((\d+)\)\s*@binding\((\d+)\)\s*var<\s*storage\s*,\s*read_write\s*>/g,
  );
  return new Set([...variables].map(([, group, binding]) => `${group}.${binding}`));
}
/** @type {Map<string, Set<string>>} */
const analysed = new Map();

/** Starts to record; once, before any device is asked for. */
export function record() {
  if (typeof GPUDevice === "undefined") return;
  /**
   * @template {object} T
   * @param {T} prototype
   * @param {keyof T} name
   * @param {(target: any, result: any, parameters: any[]) => void} after
   */
  const wrap = (prototype, name, after) => {
    const original = /** @type {any} */ (prototype)[name];
    /** @type {any} */ (prototype)[name] = function (/** @type {any[]} */ ...parameters) {
      const result = original.apply(this, parameters);
      after(this, result, parameters);
      return result;
    };
  };
  wrap(GPUQueue.prototype, "submit", () => (counts.submits += 1));
  wrap(GPUDevice.prototype, "createBuffer", () => (counts.buffers += 1));
  wrap(GPUDevice.prototype, "createShaderModule", (_, module, [{ code }]) =>
    codes.set(module, code),
  );
  wrap(GPUDevice.prototype, "createComputePipeline", (_, pipeline, [{ compute }]) =>
    sources.set(pipeline, codes.get(compute.module) ?? ""),
  );
  const slow = GPUDevice.prototype.createComputePipelineAsync;
  GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    const pipeline = await slow.call(this, descriptor);
    sources.set(pipeline, codes.get(descriptor.compute.module) ?? "");
    return pipeline;
  };
  wrap(GPUDevice.prototype, "createBindGroup", (_, group, [{ entries }]) =>
    groups.set(
      group,
      [...entries]
        .filter((entry) => entry.resource.buffer !== undefined)
        .map(({ binding, resource: { buffer, offset = 0, size } }) => ({
          binding,
          buffer,
          offset,
          size: size ?? buffer.size - offset,
        }))
        .filter(({ buffer }) => (buffer.usage & STORAGE) !== 0),
    ),
  );
  const stateOf = (/** @type {GPUComputePassEncoder} */ pass) => {
    let state = passes.get(pass);
    if (state === undefined) passes.set(pass, (state = { groups: new Map() }));
    return state;
  };
  const pass = GPUComputePassEncoder.prototype;
  wrap(pass, "setPipeline", (target, _, [pipeline]) => (stateOf(target).pipeline = pipeline));
  wrap(pass, "setBindGroup", (target, _, [index, group]) =>
    stateOf(target).groups.set(index, group),
  );
  for (const name of /** @type {const} */ (["dispatchWorkgroups", "dispatchWorkgroupsIndirect"])) {
    wrap(pass, name, (target) => {
      counts.dispatches += 1;
      const { pipeline, groups: bound } = stateOf(target);
      const code = (pipeline && sources.get(pipeline)) ?? "";
      let written = analysed.get(code);
      if (written === undefined) analysed.set(code, (written = writtenIn(code)));
      dispatched.push(
        [...bound].flatMap(([index, group]) =>
          (groups.get(group) ?? []).map(({ binding, buffer, offset, size }) => ({
            buffer,
            offset,
            size,
            written: written.has(`${index}.${binding}`),
          })),
        ),
      );
    });
  }
}

/** What was asked of the GPU since the last time. @returns {Counts} */
export function take() {
  const identity = new Map();
  const key = (/** @type {Bound} */ { buffer, offset, size }) => {
    if (!identity.has(buffer)) identity.set(buffer, identity.size);
    return `${identity.get(buffer)}:${offset}:${size}`;
  };
  const all = dispatched.flat();
  const outputs = all.filter(({ written }) => written);
  const made = new Set(outputs.map(key));
  const given = new Map(
    all.filter((bound) => !made.has(key(bound))).map((bound) => [key(bound), bound.size]),
  );
  const sum = (/** @type {Iterable<number>} */ sizes) => [...sizes].reduce((a, b) => a + b, 0);
  const result = {
    ...counts,
    bytes: sum(all.map(({ size }) => size)),
    least: sum(given.values()) + 2 * sum(outputs.map(({ size }) => size)),
  };
  counts = zero();
  dispatched = [];
  return result;
}
