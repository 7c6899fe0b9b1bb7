// One network in one worker, computed by walkback or by ONNX Runtime Web: `load`, then `step` after `step`.

import { record, take } from "./gpu-recorder.js";

/**
 * @typedef {(
 *   | { method: "load", engine: "walkback" | "onnxruntime", device: "cpu" | "webgpu", folder: string, modules: string }
 *   | { method: "step", count: number }
 *   | { method: "guided" }
 * )} Question
 */

/** Evaluates the network for a batch, and brings the answer back from the device. @type {((count: number) => Promise<ArrayLike<number>>) | null} */
let evaluate = null;
/** One step of a chain with guidance. @type {(() => Promise<unknown>) | null} */
let guided = null;

const TIMESTEP = 500;
/** Where the network has labels. */
const LABEL = 3;

/** `[channels, height, width]` of the network's images. */
let shape = [1, 28, 28];

/** A fixed input that is near enough to noise. @param {number} count */
const input = (count) =>
  Float32Array.from({ length: count * values() }, (_, i) => 1.4 * Math.sin(12.9898 * i * i + 1));

/** Values of an image. */
const values = () => shape.reduce((product, size) => product * size, 1);

/** @param {string} config `unet/config.json` */
function readShape(config) {
  const { in_channels: channels, sample_size: side } = JSON.parse(config);
  shape = [channels, side, side];
}

/** @param {string} path @param {"text" | "arrayBuffer"} as @returns {Promise<any>} */
async function read(path, as) {
  const response = await fetch(`/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response[as]();
}

/** @param {string} modules @param {"cpu" | "webgpu"} device @param {string} folder */
async function loadWalkback(modules, device, folder) {
  const module = await import(`/${modules}/web/pkg/${device}/walkback.js`);
  await module.default();
  const [unet, scheduler, weights] = await Promise.all([
    read(`${folder}/unet/config.json`, "text"),
    read(`${folder}/scheduler/scheduler_config.json`, "text"),
    read(`${folder}/unet/diffusion_pytorch_model.safetensors`, "arrayBuffer"),
  ]);
  const labels = await read(`${folder}/labels.json`, "text").catch(() => undefined);
  readShape(unet);
  const model = await module.Model.load(unet, scheduler, labels, [new Uint8Array(weights)]);
  const labelled = JSON.parse(unet).num_class_embeds > 0;
  if (model.info.device !== device) throw new Error(`it computes on ${model.info.device}`);
  evaluate = (count) => {
    const labels = labelled ? new Uint32Array(count).fill(LABEL) : undefined;
    return model.predict(input(count), count, TIMESTEP, labels);
  };
  if (model.info.nullLabel !== null) {
    const chain = model.chain({ seed: 1, count: 1, label: 3, guidance: 2, steps: 1000 });
    guided = () => chain.step();
  }
}

/** @param {"cpu" | "webgpu"} device @param {string} folder */
async function loadOnnx(device, folder) {
  const base = "/bench/node_modules/onnxruntime-web/dist/";
  const ort = await import(
    `${base}${device === "cpu" ? "ort.wasm.min.mjs" : "ort.webgpu.min.mjs"}`
  );
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = base;
  const bytes = await read(`${folder}/unet.onnx`, "arrayBuffer");
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [device === "cpu" ? "wasm" : "webgpu"],
  });
  const [sample, timestep, label] = session.inputNames;
  readShape(await read(`${folder}/unet/config.json`, "text"));
  const [output] = session.outputNames;
  evaluate = async (count) => {
    const results = await session.run({
      [sample]: new ort.Tensor("float32", input(count), [count, ...shape]),
      [timestep]: new ort.Tensor("float32", new Float32Array(count).fill(TIMESTEP), [count]),
      ...(label === undefined
        ? {}
        : {
            [label]: new ort.Tensor("int64", new BigInt64Array(count).fill(BigInt(LABEL)), [count]),
          }),
    });
    return results[output].data;
  };
}

/** @param {Question} question */
async function answer(question) {
  if (question.method === "load") {
    const { engine, device, folder, modules } = question;
    if (engine === "walkback") await loadWalkback(modules, device, folder);
    else await loadOnnx(device, folder);
    return null;
  }
  const compute =
    question.method === "guided" ? guided : () => evaluate?.(question.count) ?? Promise.reject();
  if (compute === null) throw new Error("this model has no guidance");
  take();
  const began = performance.now();
  const output = await compute();
  const milliseconds = performance.now() - began;
  const first = question.method === "step" ? Array.from(/** @type {Float32Array} */ (output)) : [];
  return { milliseconds, counts: take(), output: first.slice(0, values()) };
}

self.addEventListener("message", async (/** @type {MessageEvent<Question>} */ { data }) => {
  try {
    self.postMessage({ result: await answer(data) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
});

record();
