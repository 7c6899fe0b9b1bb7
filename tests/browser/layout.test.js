// Which files of a folder are the model, wherever they lie. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findParts } from "../../web/models/layout.js";

const WEIGHTS = "diffusion_pytorch_model.safetensors";

/** @param {...string} paths */
const files = (...paths) => paths.map((path) => ({ path, size: 1 }));

/** Where the weights lie that are taken. @param {Parameters<typeof findParts>} given */
const weights = (...given) => findParts(...given).weights.map(({ path }) => path);

/** @param {string} folder */
const unet = (folder) => files(`${folder}/config.json`, `${folder}/${WEIGHTS}`);

test("the checkpoints of a training are none of its result", () => {
  const output = [
    ...unet("run/checkpoint-500/unet"),
    ...unet("run/checkpoint-500/unet_ema"),
    ...files("run/model_index.json", "run/scheduler/scheduler_config.json"),
    ...unet("run/unet"),
  ];
  assert.deepEqual(weights(output), [`run/unet/${WEIGHTS}`]);
  assert.deepEqual(findParts(output).notes, []);
});

test("of two sets of weights the averaged one is taken, or the other where it is wished", () => {
  const both = [...unet("unet"), ...unet("unet_ema"), ...files("scheduler/scheduler_config.json")];
  assert.deepEqual(weights(both), [`unet_ema/${WEIGHTS}`]);
  assert.deepEqual(weights(both, "trained"), [`unet/${WEIGHTS}`]);
  assert.match(findParts(both, "trained").notes.join(), /not the averaged ones/);
});

test("the flat layout is read beside other networks' folders", () => {
  const flat = files("config.json", WEIGHTS, "scheduler_config.json", "vae/config.json");
  assert.deepEqual(weights(flat), [WEIGHTS]);
});
