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

test("a configuration of something else is passed by, though it lies nearer to the top", () => {
  const deep = [...unet("app/model/unet"), ...files("app/model/scheduler/scheduler_config.json")];
  assert.deepEqual(weights([...files("app/config.json"), ...deep]), [`app/model/unet/${WEIGHTS}`]);
});

test("what is hidden is passed by, and a hidden folder may be the model's own", () => {
  const flat = ["config.json", "ema.safetensors", "scheduler_config.json"];
  const beside = [".git/config.json", "._ema.safetensors", "__MACOSX/._config.json"];
  assert.deepEqual(weights(files(...flat, ...beside)), ["ema.safetensors"]);
  const below = [...flat, ...beside].map((path) => `.mine/${path}`);
  assert.deepEqual(weights(files(...below)), [".mine/ema.safetensors"]);
});

test("of models side by side none is opened unasked", () => {
  const one = [...unet("two/one/unet"), ...files("two/one/scheduler/scheduler_config.json")];
  const flat = [...unet("two/flat"), ...files("two/flat/scheduler_config.json")];
  assert.throws(
    () => findParts([...one, ...flat]),
    /^Error: There are 2 models, two\/one\/ and two\/flat\/: open one of them by itself\.$/,
  );
  const third = [...unet("two/third/unet"), ...files("two/third/scheduler_config.json")];
  assert.throws(
    () => findParts([...one, ...flat, ...third]),
    /are 3 models, such as two\/one\/ and/,
  );
});

test("what is almost a model is called what it is", () => {
  const transformer = [...unet("dit/transformer"), ...files("dit/scheduler/scheduler_config.json")];
  for (const [says, ...paths] of /** @type {[RegExp, ...string[]][]} */ ([
    [/no file at all.*A model is a folder/],
    [/2 files, a\/notes\.txt .*A model is a folder/, "a/notes.txt", "a/more.txt"],
    [/A LoRA changes the weights of another/, "README.md", "pytorch_lora_weights.safetensors"],
    [/A LoRA changes/, "run/adapter_config.json", "run/adapter_model.bin"],
    [
      /links, which browsers do not follow/,
      "hub/models--a--b/blobs/0",
      "hub/models--a--b/refs/main",
    ],
    [/A zip is opened where it is given by itself/, "folder/one.zip", "folder/notes.txt"],
    [/opens zips only\. Drop the unpacked folder/, "model.tar.gz"],
    [/Weights alone do not say/, "model.safetensors"],
    [/Weights alone do not say/, "archive/data.pkl", "archive/data/0"],
    [/There is no scheduler\/scheduler_config\.json/, "config.json", "model.safetensors"],
    [/a pipeline without a U-Net/, "dit/model_index.json", ...transformer.map(({ path }) => path)],
  ])) {
    assert.throws(() => findParts(files(...paths)), says);
  }
});
