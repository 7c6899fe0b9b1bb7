// The browser's builds of the crate without the page around them: numbers in, numbers out.

import { ByteCount } from "../../web/compute/download.js";
import { countDispatches, gpuWork } from "../../web/compute/gpu-counter.js";
import { loadWasm } from "../../web/compute/wasm.js";

/** @typedef {{ seed: number, label: number | null, steps: number }} Walk */

/**
 * @typedef {(
 *   | { method: "load", device: "cpu" | "webgpu", folder: string }
 *   | { method: "noise", seed: number, label: number | null }
 *   | { method: "predict", x: number[], count: number, timestep: number, labels: number[] | null }
 *   | { method: "look", x: number[], timestep: number, label: number | null }
 *   | { method: "walk", walk: Walk }
 *   | { method: "advance", walk: Walk, steps: number[] }
 *   | { method: "gif", count: number, columns: number, scale: number }
 * )} Question
 */

/** @type {import("../../web/compute/wasm.js").Model | null} */
let model = null;
/** @type {import("../../web/compute/wasm.js").WasmModule["Gif"] | null} */
let Gif = null;

/** @param {string} folder a path from the root of the repository, without slashes around it */
async function fetchFolder(folder) {
  /** @param {string} file */
  const request = async (file) => {
    const response = await fetch(new URL(`../../${folder}/${file}`, import.meta.url));
    if (!response.ok) throw new Error(`${folder}/${file}: ${response.status}`);
    return response;
  };
  // The networks of tests/conformance/networks are no model folders: any schedule will do for one evaluation.
  if (folder.includes("/networks/")) {
    return {
      unet: await (await request("config.json")).text(),
      scheduler: await (await request("../../plain/scheduler/scheduler_config.json")).text(),
      weights: await (await request("weights.safetensors")).arrayBuffer(),
    };
  }
  return {
    unet: await (await request("unet/config.json")).text(),
    scheduler: await (await request("scheduler/scheduler_config.json")).text(),
    weights: await (await request("unet/diffusion_pytorch_model.safetensors")).arrayBuffer(),
  };
}

/** @param {Question} question @returns {Promise<unknown>} */
async function answer(question) {
  if (question.method === "load") {
    const { unet, scheduler, weights } = await fetchFolder(question.folder);
    const wasm = await loadWasm(question.device, new ByteCount(() => {}));
    ({ Gif } = wasm);
    const { Model } = wasm;
    model?.free();
    model = await Model.load(unet, scheduler, undefined, [new Uint8Array(weights)]);
    return { device: model.info.device };
  }
  if (model === null || Gif === null) throw new Error("no model is loaded");
  switch (question.method) {
    case "noise": {
      const chain = startWalk(model, { seed: question.seed, label: question.label, steps: 10 });
      const x = Array.from(chain.xt);
      chain.free();
      return x;
    }
    case "predict": {
      const { x, count, timestep, labels } = question;
      const before = gpuWork();
      const began = performance.now();
      const output = await model.predict(
        Float32Array.from(x),
        count,
        timestep,
        labels === null ? undefined : Uint32Array.from(labels),
      );
      const milliseconds = performance.now() - began;
      return { output: Array.from(output), work: workSince(before), milliseconds };
    }
    case "look": {
      const { stages, attention } = await model.look(
        Float32Array.from(question.x),
        question.timestep,
        question.label,
      );
      return {
        stages: stages.map(({ name, shape, values }) => ({
          name,
          shape: Array.from(shape),
          values: Array.from(values),
        })),
        attention: attention === null ? [] : Array.from(attention.weights),
      };
    }
    case "walk": {
      const chain = startWalk(model, question.walk);
      const states = [Array.from(chain.xt)];
      for (let done = false; !done;) {
        const step = await chain.step();
        states.push(Array.from(step.xPrev));
        done = step.done;
      }
      chain.free();
      return states;
    }
    case "advance": {
      const chain = startWalk(model, question.walk);
      const shown = [];
      for (const steps of question.steps) {
        const before = gpuWork();
        const { index, timestep, xPrev, x0, eps } = await chain.advance(steps);
        const seen = [xPrev, x0, eps].map((values) => Array.from(values));
        shown.push({ index, timestep, seen, work: workSince(before) });
      }
      chain.free();
      return shown;
    }
    case "gif": {
      const { count, columns, scale } = question;
      const gif = new Gif(columns, scale);
      gif.push(new Float32Array(3 * count), Uint32Array.of(count, 3, 1, 1), 10);
      return (await gif.finish()).size;
    }
  }
}

/** What the GPU was given. @param {import("../../web/compute/gpu-counter.js").GpuWork} before */
function workSince(before) {
  const after = gpuWork();
  return {
    dispatches: after.dispatches - before.dispatches,
    submits: after.submits - before.submits,
    buffers: after.buffers - before.buffers,
    reads: after.reads - before.reads,
  };
}

/** @param {import("../../web/compute/wasm.js").Model} model @param {Walk} walk */
function startWalk(model, { seed, label, steps }) {
  return model.chain({ seed, count: 1, label, guidanceScale: 1, numInferenceSteps: steps });
}

self.addEventListener("message", async (/** @type {MessageEvent<Question>} */ { data }) => {
  try {
    self.postMessage({ result: await answer(data) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
});

countDispatches();
