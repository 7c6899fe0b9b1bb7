// The browser gives the numbers that native Rust and diffusers give, on the CPU and on WebGPU.
//
// Native numbers are in target/parity/*.json, which the native tests write. Diffusers' are in
// tests/conformance/*/io.safetensors.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { before, describe, test } from "node:test";
import { SLOW, largestDifference, readSafetensors, root } from "./helpers.js";
import { openSite } from "./site.js";
import { TOLERANCE } from "./tolerance.js";

/** In tests/conformance: whole folders, and a network for each activation, embedding and kind of block. */
const FOLDERS = ["plain", "class_conditional", "cifar_style", "learned_variance"];
const NETWORKS = (await readdir(path.join(root, "tests", "conformance", "networks"))).map(
  (name) => `networks/${name}`,
);

/** The timesteps at which eps-hat has to be compared: x_t alone hides the network while it is clipped. */
const TIMESTEPS = [999, 500, 20, 0];

/**
 * @typedef {object} Native what native Rust computed
 * @property {string} model a folder, as a path from the root of the repository
 * @property {{ timestep: number, seed: number, label: number | null, eps: number[] }[]} eps
 * @property {{ seed: number, steps: number, label: number | null, states: number[][] }} chain
 */

/** @returns {Promise<Native[]>} */
async function readNative() {
  const folder = path.join(root, "target", "parity");
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json"));
  assert.ok(names.length > 0, `${folder} holds no numbers yet: run "cargo test" first`);
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(path.join(folder, name), "utf8"))),
  );
}

/** @param {string} name of a folder in tests/conformance */
async function readConformance(name) {
  const file = path.join(root, "tests", "conformance", name, "io.safetensors");
  const tensors = readSafetensors(await readFile(file));
  /** @param {string} key */
  const tensor = (key) => {
    const found = tensors.get(key);
    if (found === undefined) throw new Error(`${file} has no ${key}`);
    return found;
  };
  return {
    sample: tensor("unet.sample"),
    timesteps: tensor("unet.timesteps").values,
    labels: tensors.get("unet.class_labels")?.values ?? null,
    out: tensor("unet.out"),
  };
}

/** @param {number} difference @param {number} tolerance @param {string} what */
function assertClose(difference, tolerance, what) {
  assert.ok(difference <= tolerance, `${what}: the largest difference is ${difference}`);
}

for (const device of /** @type {const} */ (["cpu", "webgpu"])) {
  describe(`numbers on ${device}`, { timeout: 2 * SLOW }, () => {
    const site = openSite({ webgpu: device === "webgpu" });
    /** @type {import("playwright-core").Page} */
    let page;

    before(async () => {
      page = await site.browser.newPage();
      await page.goto(`${site.url}tests/browser/parity.html`);
      await page.waitForFunction("globalThis.ask !== undefined");
    });

    /** @param {import("./parity-worker.js").Question} question @returns {Promise<any>} */
    const ask = (question) =>
      page.evaluate((q) => /** @type {any} */ (globalThis).ask(q), question);

    /** @param {string} folder */
    const load = async (folder) => {
      assert.deepEqual(await ask({ method: "load", device, folder }), { device });
    };

    /**
     * The model's output; on WebGPU it has to come from the GPU.
     * @param {number[]} x
     * @param {number} count
     * @param {number} timestep
     * @param {number[] | null} labels
     * @returns {Promise<number[]>}
     */
    const predict = async (x, count, timestep, labels) => {
      const { output, work } = await ask({ method: "predict", x, count, timestep, labels });
      assert.equal(work.dispatches > 0, device === "webgpu", `${work.dispatches} dispatches`);
      return output;
    };

    test("eps-hat is the native one at every noise level, and so is a whole walk", async (t) => {
      for (const { model, eps, chain } of await readNative()) {
        await load(model);
        for (const timestep of TIMESTEPS) {
          assert.ok(
            eps.some((entry) => entry.timestep === timestep),
            `${model}: t = ${timestep}`,
          );
        }
        for (const { timestep, seed, label, eps: native } of eps) {
          const x = await ask({ method: "noise", seed, label });
          const output = await predict(x, 1, timestep, label === null ? null : [label]);
          const difference = largestDifference(output, native);
          t.diagnostic(`${model}, eps-hat at t = ${timestep}: ${difference.toExponential(1)}`);
          assertClose(difference, TOLERANCE.eps, `${model}, eps-hat at t = ${timestep}`);
        }
        const { states: native, ...walk } = chain;
        const states = await ask({ method: "walk", walk });
        // The native list may or may not begin with x_T.
        const compared = states.slice(states.length - native.length);
        assert.ok(native.length >= walk.steps, `${model}: ${native.length} states`);
        assert.equal(compared.length, native.length);
        const difference = largestDifference(compared.flat(), native.flat());
        t.diagnostic(`${model}, ${walk.steps} steps: ${difference.toExponential(1)}`);
        assertClose(difference, TOLERANCE.chain, `${model}, a walk of ${walk.steps} steps`);
      }
    });

    for (const name of [...FOLDERS, ...NETWORKS]) {
      test(`the U-Net of ${name} gives what diffusers gave`, async (t) => {
        const { sample, timesteps, labels, out } = await readConformance(name);
        await load(`tests/conformance/${name}`);
        const [count = 0] = sample.shape;
        const size = sample.values.length / count;
        const output = [];
        for (let i = 0; i < count; i++) {
          const x = sample.values.slice(i * size, (i + 1) * size);
          const label = labels?.[i];
          const timestep = timesteps[i] ?? timesteps[0] ?? NaN;
          output.push(...(await predict(x, 1, timestep, label === undefined ? null : [label])));
        }
        const difference = largestDifference(output, out.values);
        t.diagnostic(`${name}, unet.out: ${difference.toExponential(1)}`);
        assertClose(difference, TOLERANCE.unet, name);
      });
    }

    if (device === "cpu") {
      test("a picture of more bytes than 32 bits count is refused by its size", async () => {
        await load("tests/conformance/plain");
        assert.ok((await ask({ method: "gif", count: 2, columns: 2, scale: 3 })) > 0);
        // 3 x 27538 x 52018 bytes are 2.4 million beyond the 32 bits.
        await assert.rejects(
          ask({ method: "gif", count: 153, columns: 9, scale: 3058 }),
          /a picture of 27538 x 52018 pixels is too large/,
        );
      });
    }

    if (device === "webgpu") {
      test("a step is few launches in few submissions, and nothing is created for it", async (t) => {
        for (const folder of ["tests/conformance/plain", "pretrained/mnist"]) {
          await load(folder);
          // Guidance doubles the batch.
          for (const count of [1, 2]) {
            const x = Array.from({ length: count * 28 * 28 }, (_, i) => Math.sin(i));
            const labels = folder.endsWith("mnist") ? Array.from({ length: count }, () => 3) : null;
            /** @type {import("../../web/compute/gpu-counter.js").GpuWork[]} */
            const works = [];
            for (let step = 0; step < 3; step++) {
              const question = { method: "predict", x, count, timestep: 500 - step, labels };
              works.push((await ask(/** @type {any} */ (question))).work);
            }
            const work = works[2];
            t.diagnostic(`${folder}, ${count} images: ${JSON.stringify(works)}`);
            assert.ok(work !== undefined);
            assert.ok(work.dispatches <= 80, `${work.dispatches} dispatches`);
            assert.ok(work.submits <= 2, `${work.submits} submits`);
            assert.equal(work.buffers, 0);
          }
        }
      });

      test("a walk comes back once for each frame that is shown, and leads where every step shown does", async (t) => {
        await load("pretrained/mnist");
        const walk = { seed: 3, label: 4, steps: 20 };
        const one = Array.from({ length: 8 }, () => 1);
        /** @typedef {{ index: number, timestep: number, seen: number[][], work: import("../../web/compute/gpu-counter.js").GpuWork }} Shown */
        /** @type {Shown[]} */
        const singly = await ask({ method: "advance", walk, steps: one });
        /** @type {Shown[]} */
        const leaps = await ask({ method: "advance", walk, steps: [1, 2, 5] });
        t.diagnostic(JSON.stringify([...singly.slice(-2), ...leaps].map(({ work }) => work)));
        for (const { index, timestep, seen, work } of leaps) {
          assert.deepEqual([singly[index]?.timestep, singly[index]?.seen], [timestep, seen]);
          assert.equal(work.reads, 1, `${work.reads} reads up to step ${index}`);
        }
        for (const { work } of singly.slice(2)) {
          assert.equal(work.reads, 1);
          assert.equal(work.buffers, 0);
          assert.ok(work.submits <= 2, `${work.submits} submits`);
          assert.ok(work.dispatches <= 80, `${work.dispatches} dispatches`);
        }
        const last = leaps[2]?.work;
        assert.ok((last?.submits ?? Infinity) <= 5 + 2, `${last?.submits} submits of five steps`);
      });

      test("each image of a batch comes out as it does alone", async (t) => {
        await load("pretrained/mnist");
        const count = 16;
        const x = await ask({ method: "noise", seed: 5, label: 3 });
        const images = Array.from({ length: count }, (_, k) => {
          return x.map(
            (/** @type {number} */ value, /** @type {number} */ i) =>
              value + k * Math.sin(i + k) * 0.05,
          );
        });
        const labels = images.map((_, k) => k % 11);
        const batch = await predict(images.flat(), count, 300, labels);
        let most = 0;
        for (const k of [0, 7, 15]) {
          const alone = await predict(images[k] ?? [], 1, 300, [labels[k] ?? 0]);
          const together = batch.slice(k * alone.length, (k + 1) * alone.length);
          most = Math.max(most, largestDifference(together, alone));
        }
        t.diagnostic(`largest difference ${most.toExponential(1)}`);
        assertClose(most, 1e-5, "16 images");
      });

      test("the inside looks as it does on the CPU", async (t) => {
        const [name, timestep] = ["tests/conformance/class_conditional", 400];
        const x = Array.from({ length: 16 * 16 }, (_, i) => Math.sin(i * 0.3));
        const looks = [];
        for (const where of /** @type {const} */ (["cpu", "webgpu"])) {
          await ask({ method: "load", device: where, folder: name });
          looks.push(await ask({ method: "look", x, timestep, label: 2 }));
        }
        const [cpu, gpu] = looks;
        assert.equal(gpu.stages.length, cpu.stages.length);
        let most = largestDifference(gpu.attention, cpu.attention);
        for (const [i, stage] of cpu.stages.entries()) {
          const other = gpu.stages[i];
          assert.deepEqual([other.name, other.shape], [stage.name, stage.shape]);
          most = Math.max(most, largestDifference(other.values, stage.values));
        }
        t.diagnostic(`largest difference ${most.toExponential(1)}`);
        assertClose(most, 1e-4, name);
      });
    }
  });
}
