// Servers whose pages can be broken on purpose, and models that no training makes.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "./helpers.js";

/** @typedef {import("./helpers.js").Answer} Answer */

/**
 * web/worker.js, listening to the orders of a test, perhaps with a GPU that is smaller than the real one.
 * @param {{ memory?: number, piece?: number }} [gpu] bytes that it has, and that it says to give in one piece
 * @returns {Promise<Record<string, Answer>>}
 */
export async function fragileWorker(gpu = {}) {
  const script = await readFile(path.join(root, "web", "worker.js"), "utf8");
  const size = new URLSearchParams(Object.entries(gpu).map(([key, bytes]) => [key, String(bytes)]));
  const faults = `/tests/browser/worker-faults.js?${size}`;
  return { "/web/worker.js": { body: `import "${faults}";\n${script}` } };
}

/**
 * web/worker.js behind some code of the test.
 * @param {string} code
 * @returns {Promise<Record<string, Answer>>}
 */
export async function workerAfter(code) {
  const script = await readFile(path.join(root, "web", "worker.js"), "utf8");
  return { "/web/worker.js": { body: `${code}\n${script}` } };
}

/** The same, where no adapter says that it is software. @param {string} [code] */
export const silentWorker = (code = "") =>
  workerAfter(`for (const kind of [globalThis.GPUAdapter, globalThis.GPUAdapterInfo]) {
  if (kind !== undefined) Object.defineProperty(kind.prototype, "isFallbackAdapter", { value: false });
}
${code}`);

/** web/learner.js, listening to the orders of a test. @returns {Promise<Record<string, Answer>>} */
export async function fragileLearner() {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  return {
    "/web/learner.js": { body: `import "/tests/browser/worker-faults.js";\n${script}` },
  };
}

const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

/**
 * A folder of tests/conformance as ?model=name.
 * @param {string} name
 * @param {{ folder?: string, weights?: (file: Buffer) => Buffer, scheduler?: Record<string, unknown> }} [how] changed on the way
 * @returns {Promise<Record<string, Answer>>}
 */
export async function fixtureModel(name, { folder = "plain", weights, scheduler } = {}) {
  /** @param {string} file */
  const read = (file) => readFile(path.join(root, "tests", "conformance", folder, file));
  const file = await read(WEIGHTS);
  const config = JSON.parse(
    await readFile(
      path.join(root, "tests", "conformance", folder, "scheduler", "scheduler_config.json"),
      "utf8",
    ),
  );
  return {
    [`/pretrained/${name}/unet/config.json`]: { body: await read("unet/config.json") },
    [`/pretrained/${name}/scheduler/scheduler_config.json`]: {
      body: JSON.stringify({ ...config, ...scheduler }),
    },
    [`/pretrained/${name}/${WEIGHTS}`]: { body: weights?.(file) ?? file },
  };
}

/**
 * Multiplies a float32 tensor of a safetensors file.
 * @param {Buffer} file
 * @param {string} name
 * @param {number} factor
 */
export function scaleTensor(file, name, factor) {
  const scaled = Buffer.from(file);
  const data = 8 + Number(file.readBigUInt64LE(0));
  const {
    dtype,
    data_offsets: [from, to],
  } = JSON.parse(file.toString("utf8", 8, data))[name];
  if (dtype !== "F32") throw new Error(`${name} is ${dtype}`);
  for (let at = data + from; at < data + to; at += 4) {
    scaled.writeFloatLE(scaled.readFloatLE(at) * factor, at);
  }
  return scaled;
}

/**
 * A wasm module whose memory must not grow beyond so many pages of 64 KiB.
 * @param {Buffer} module
 * @param {number} pages
 */
export function limitMemory(module, pages) {
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < module.length) {
    const start = at;
    const section = module[at++];
    const size = leb();
    if (section !== 5) {
      at += size;
      continue;
    }
    const end = at + size;
    if (leb() !== 1) throw new Error("the module has not exactly one memory");
    leb();
    const least = leb();
    const content = [1, 1, ...toLeb(least), ...toLeb(pages)];
    const changed = Buffer.from([5, ...toLeb(content.length), ...content]);
    return Buffer.concat([module.subarray(0, start), changed, module.subarray(end)]);
  }
  throw new Error("the module has no memory of its own");
}

/** @param {number} value */
function toLeb(value) {
  const bytes = [];
  for (; value > 0x7f; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
