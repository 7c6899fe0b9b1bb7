// Models as they lie on people's disks: old spellings, byte order marks, pipelines of latents. The page's engine opens
// them on the CPU.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { fixtureModel } from "./faults.js";
import { bar, shows, visitStill } from "./any-model.js";
import { root } from "./helpers.js";
import { conformance, drop, filesOf } from "./models.js";
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

test("a model of four channels is shown as the visitor chooses, and it is said", async () => {
  const visitor = await visitStill(site);
  await drop(visitor.page, path.join(root, "tests", "conformance", "files", "four_channels"));
  await shows(visitor, /images of 8 × 8 in 4 channels/);
  const choice = bar(visitor).getByRole("group", { name: "Four channels, shown as" });
  await choice.waitFor();
  const [red, green] = [await visitor.pixels(visitor.xt, 0), await visitor.pixels(visitor.xt, 1)];
  assert.notDeepEqual(red, green, "colours");
  /** @type {number[][]} */
  const greys = [];
  for (const channel of [1, 2, 3, 4]) {
    await choice.getByRole("radio", { name: `channel ${channel} in grey` }).check();
    greys.push(await visitor.pixels(visitor.xt, 0));
    assert.deepEqual(await visitor.pixels(visitor.xt, 2), greys.at(-1), "grey");
  }
  assert.equal(new Set(greys.map(String)).size, 4, "each channel by itself");
  // Where alpha leaves nothing the checkerboard is seen, and where it leaves all the colour is.
  const alpha = greys[3] ?? [];
  assert.ok(alpha.includes(0) && alpha.includes(255));
  for (const [i, share] of alpha.entries()) {
    if (share === 0) assert.ok([102, 153].includes(red[i] ?? NaN), String(red[i]));
    if (share === 255) assert.equal(red[i], greys[0]?.[i]);
  }
  await visitor.leave();
});

describe("a model as it lies there", () => {
  test("is walked as it was trained, whatever its scheduler's file calls that", async (t) => {
    const old = await fixtureModel("small", { scheduler: { predict_epsilon: false } });
    assert.equal((await opened(t, old)).predictionType, "sample");
    assert.equal((await opened(t, await fixtureModel("small"))).predictionType, "epsilon");
  });

  test("has its weights in any form, which give the same numbers", async (t) => {
    const folder = path.join(root, "tests", "conformance", "files");
    const { run } = await openEngine(site, t, {});
    /** @param {Record<string, string>} weights @param {string} [config] */
    const answer = async (weights, config = "unet/config.json") => {
      const small = await filesOf(path.join(folder, "safetensors"));
      const files = Object.fromEntries(
        Object.entries(small).filter(([name]) => name.endsWith(".json")),
      );
      if (config !== "unet/config.json") files[config] = files["unet/config.json"] ?? Buffer.of();
      for (const [name, file] of Object.entries(weights)) {
        files[name] = await readFile(path.join(folder, file));
      }
      /** @type {Record<string, string>} */
      const encoded = {};
      for (const [name, bytes] of Object.entries(files)) {
        encoded[name] = Buffer.from(bytes).toString("base64");
      }
      return run(
        `const { sourceOf } = await import("/web/models/source.js");
         const given = Object.entries(it).map(([path, text]) => {
           const blob = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
           return { path, size: blob.size, blob };
         });
         const { info } = await engine.load({ model: await sourceOf(given), device: "cpu" });
         const x = new Float32Array(64).map((_, i) => Math.sin(i));
         return { notes: info.notes, out: [...(await engine.predict({ xt: x, count: 1, timestep: 500 }))] };`,
        encoded,
      );
    };
    const usual = "unet/diffusion_pytorch_model";
    const expected = await answer({ [`${usual}.safetensors`]: "wrapped.safetensors" });
    assert.equal(new Set(expected.out).size, 64);
    const shards = await filesOf(path.join(folder, "sharded", "unet"));
    const sharded = Object.fromEntries(
      Object.keys(shards)
        .filter((name) => name !== "config.json")
        .map((name) => [`unet/${name}`, `sharded/unet/${name}`]),
    );
    for (const weights of [
      { [`${usual}.bin`]: `bin/unet/diffusion_pytorch_model.bin` },
      { "unet/pytorch_model.bin": "legacy.bin" },
      { "unet/model.safetensors": "double.safetensors" },
      sharded,
    ]) {
      assert.deepEqual(await answer(weights), expected, Object.keys(weights).join(", "));
    }
    const averaged = await answer(
      { [`${usual}.bin`]: "legacy.bin", "unet_ema/diffusion_pytorch_model.bin": "checkpoint.ckpt" },
      "unet_ema/config.json",
    );
    assert.notDeepEqual(averaged.out, expected.out);
    assert.match(averaged.notes.join(" "), /unet_ema\/.*\(model, ema\); using the averaged one/);
  });

  test("may begin with a byte order mark", async (t) => {
    /** @type {Record<string, Answer>} */
    const marked = {};
    for (const file of [
      "unet/config.json",
      "scheduler/scheduler_config.json",
      "model_index.json",
    ]) {
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
