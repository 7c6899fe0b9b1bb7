// Models as they lie on people's disks: old spellings, byte order marks, pipelines of latents. The page's engine opens
// them on the CPU.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { fixtureModel } from "./faults.js";
import { conformance } from "./models.js";
import { openSite } from "./site.js";
import { openEngine } from "./steady.js";

const site = openSite();

/** @typedef {import("./helpers.js").Answer} Answer */

/**
 * Loads a model that lies at /pretrained/small/.
 * @param {import("node:test").TestContext} t
 * @param {Record<string, Answer>} files
 * @returns {Promise<any>} what the engine says of it, or of why it cannot be opened
 */
async function opened(t, files) {
  const { run } = await openEngine(site, t, files);
  return run(
    `return engine.load({ model: "small", device: "cpu" }).then(({ info }) => info, ({ message }) => message);`,
  );
}

describe("a model as it lies there", () => {
  test("is walked as it was trained, whatever its scheduler's file calls that", async (t) => {
    const old = await fixtureModel("small", { scheduler: { predict_epsilon: false } });
    assert.equal((await opened(t, old)).predictionType, "sample");
    assert.equal((await opened(t, await fixtureModel("small"))).predictionType, "epsilon");
  });

  test("may begin with a byte order mark", async (t) => {
    /** @type {Record<string, Answer>} */
    const marked = {};
    for (const file of ["unet/config.json", "scheduler/scheduler_config.json", "model_index.json"]) {
      const text = await readFile(path.join(conformance("plain"), file), "utf8");
      marked[`/pretrained/small/${file}`] = { body: `\u{feff}${text}` };
    }
    assert.deepEqual((await opened(t, marked)).imageSize, [28, 28]);
  });

  test("is refused as a pipeline of latents, whatever its weights are", async (t) => {
    const index = {
      _class_name: "LDMPipeline",
      unet: ["diffusers", "UNet2DModel"],
      vqvae: ["diffusers", "VQModel"],
    };
    const sentence = await opened(t, {
      "/pretrained/small/model_index.json": { body: JSON.stringify(index) },
      "/pretrained/small/unet/diffusion_pytorch_model.safetensors": { body: "" },
    });
    assert.match(sentence, /LDMPipeline, which needs vqvae \(VQModel\) beside its U-Net/);
  });

  test("has no index where the server sends a web page in its place", async (t) => {
    const page = { "/pretrained/small/model_index.json": { body: "<!doctype html><title>hello" } };
    assert.equal((await opened(t, page)).channels, 1);
  });
});
