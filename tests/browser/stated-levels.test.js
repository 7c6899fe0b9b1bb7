// Models whose scheduler's file states noise levels in place of betas, EDM's and score networks': the page's engine walks
// them as diffusers does, on the CPU and on WebGPU. tests/conformance/make_fixtures.py says what the cases are.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { SLOW, largestDifference, readSafetensors, root } from "./helpers.js";
import { openSite } from "./site.js";
import { openEngine } from "./steady.js";
import { TOLERANCE } from "./tolerance.js";

/** @typedef {{ name: string, sampler: string, steps: number, config: Record<string, unknown> }} Case */

/** @param {string[]} file */
const read = (...file) => readFile(path.join(root, "tests", "conformance", ...file));

/** @type {{ cases: Case[] }} */
const { cases } = JSON.parse((await read("levels.json")).toString());
const expected = readSafetensors(await read("levels.safetensors"));

/** As a name of one of the page's own models. @param {Case} it */
const modelName = ({ name }) => name.replaceAll(/[._]/g, "-");

/** The network that diffusers walked, with the case's scheduler. @param {Case} it */
async function answersFor(it) {
  const score = it.config["_class_name"] === "ScoreSdeVeScheduler";
  const folder = score ? ["networks", "skip"] : ["files", "safetensors", "unet"];
  const weights = score ? "weights.safetensors" : "diffusion_pytorch_model.safetensors";
  const model = `/pretrained/${modelName(it)}`;
  return {
    [`${model}/unet/config.json`]: { body: await read(...folder, "config.json") },
    [`${model}/unet/diffusion_pytorch_model.safetensors`]: {
      body: await read(...folder, weights),
    },
    [`${model}/scheduler/scheduler_config.json`]: { body: JSON.stringify(it.config) },
  };
}

/** @type {[device: string, walked: Case[]][]} */
const devices = [
  ["cpu", cases],
  ["webgpu", cases.filter(({ name }) => ["edm_heun.2", "edm_dpm.2", "score.2"].includes(name))],
];

for (const [device, walked] of devices) {
  describe(`noise levels that a file states, on ${device}`, { timeout: SLOW }, () => {
    const site = openSite({ webgpu: device === "webgpu" });

    test("are walked as diffusers walks them", async (t) => {
      const answers = Object.assign({}, ...(await Promise.all(walked.map(answersFor))));
      const { run } = await openEngine(site, t, answers);
      assert.ok(walked.length > 2);
      for (const it of walked) {
        const { info } = await run(
          `return engine.load({ model: "${modelName(it)}", device: "${device}" })`,
        );
        assert.equal(info.device, device);
        /** @type {import("./steady.js").Shown[]} */
        const frames = await run(
          `return walk({ seed: 5, count: 2, label: null, sampler: it.sampler, numInferenceSteps: it.steps })`,
          it,
        );
        const states = [frames[0]?.xt ?? [], ...frames.map(({ xPrev }) => xPrev)];
        const { values = [], shape: [count = 0] = [] } =
          expected.get(`${it.name}.trajectory`) ?? {};
        assert.equal(states.length, count, it.name);
        const largest = Math.max(1, ...values.map(Math.abs));
        for (const [i, state] of states.entries()) {
          const theirs = values.slice(i * state.length, (i + 1) * state.length);
          const difference = largestDifference(state, theirs) / largest;
          assert.ok(difference <= TOLERANCE.chain, `${it.name}, state ${i}: off by ${difference}`);
        }
      }
    });
  });
}
