// Learning on WebGPU, imitated in software (SwiftShader): slow, so with small images or few steps. What the CPU learns from
// the same seed is what it is compared with.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { fixtureModel } from "./faults.js";
import { SLOW, root } from "./helpers.js";
import { scratch } from "./models.js";
import { openSite } from "./site.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ losses: number[], device: string | undefined, notice: string | undefined, walks: number, zip: number }} Learned */

const site = openSite({ webgpu: true });

/** How far a loss may be from the CPU's, as a share of it. */
const TOLERANCE = 1e-3;
const PATIENCE = 3 * SLOW;

/**
 * The figure alone, with a small model.
 * @param {import("node:test").TestContext} t
 * @param {object} [how]
 * @param {"webgpu" | "cpu"} [how.device] of the page's model
 * @param {string} [how.fault] code in front of the worker that learns
 */
async function open(t, { device = "cpu", fault = "" } = {}) {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  const answers = {
    ...(await fixtureModel("small")),
    ...(await fixtureModel("varied", { folder: "learned_variance" })),
    "/web/learner.js": { body: `${fault}\n${script}` },
  };
  const visitor = await site.visitWith(t, answers, `?device=${device}&model=small&embed=teach`);
  const place = visitor.page.locator('[data-figure="teach"][data-ready]');
  await place.waitFor({ timeout: SLOW });
  return { ...visitor, page: visitor.page, place };
}

/**
 * Lets the page's learner learn stripes of 8 by 8 pixels from nothing.
 * @param {Page} page
 * @param {{ device: "webgpu" | "cpu", steps: number, breakAt?: number }} how breakAt: the step after which the worker is told
 * @returns {Promise<Learned>}
 */
function learnStripes(page, how) {
  return page.evaluate(
    async ([address, { device, steps, breakAt = Infinity }]) => {
      const { theLearner } = await import(address);
      const learner = theLearner();
      learner.device = device;
      const stripes = [0, 1, 2, 3].map((phase) =>
        Float32Array.from({ length: 64 }, (_, i) => ((i + phase) % 4 === 0 ? 1 : -1)),
      );
      await learner.show(stripes, [1, 8, 8]);
      await learner.set({ learningRate: 1e-3, varies: true, mirrors: false });
      const shape = [1, 8, 8];
      await learner.begin({ from: "nothing", model: "", shape, rehearsal: null, seed: 5 });
      const ended = new Promise((resolve) => {
        const forget = learner.listen(() => {
          const { running, learning } = learner.status;
          if ((learning?.step ?? 0) >= breakAt) {
            breakAt = Infinity;
            new BroadcastChannel("learner-faults").postMessage("break");
          }
          if (running || (learning?.step ?? 0) === 0) return;
          forget();
          resolve(null);
        });
      });
      await learner.learn(steps);
      await ended;
      const zip = await learner.zip("# Stripes", "stripes");
      const { learning, learnsOn, walks } = learner.status;
      return {
        losses: [...learning.losses],
        device: learnsOn?.device,
        notice: learnsOn?.notice,
        walks: walks?.images.length ?? 0,
        zip: zip.size,
      };
    },
    /** @type {const} */ ([new URL("web/client/learner.js", page.url()).href, how]),
  );
}

/** @param {number[]} found @param {number[]} expected */
function assertSame(found, expected) {
  assert.equal(found.length, expected.length);
  for (const [i, loss] of found.entries()) {
    const apart = Math.abs(loss - (expected[i] ?? NaN)) / (expected[i] ?? NaN);
    assert.ok(apart < TOLERANCE, `step ${i + 1}: ${loss} on WebGPU, ${expected[i]} on the CPU`);
  }
}

describe("learning on WebGPU", { timeout: 4 * PATIENCE }, () => {
  test("takes the CPU's steps", async (t) => {
    const { page, complaints } = await open(t);
    const found = await learnStripes(page, { device: "webgpu", steps: 12 });
    assert.deepEqual([found.device, found.notice], ["webgpu", ""]);
    const expected = await learnStripes(page, { device: "cpu", steps: 12 });
    assert.equal(expected.device, "cpu");
    assertSame(found.losses, expected.losses);
    assert.deepEqual([found.walks, expected.walks], [16 * 64, 16 * 64]);
    // Only the digits of the golden value differ.
    const apart = Math.abs(found.zip - expected.zip);
    assert.ok(apart < 500, `${found.zip} and ${expected.zip} bytes`);

    // What only the CPU learns begins there.
    const notice = await page.evaluate(async (address) => {
      const learner = (await import(address)).theLearner();
      learner.device = "webgpu";
      const shape = [1, 28, 28];
      await learner.show([new Float32Array(28 * 28)], shape);
      await learner.begin({ from: "model", model: "varied", shape, rehearsal: null, seed: 5 });
      return learner.status.learnsOn.notice;
    }, new URL("web/client/learner.js", page.url()).href);
    const reason = "a learned variance is not learned on a GPU yet";
    assert.equal(notice, `Learning did not begin on the GPU (${reason}), so it runs on the CPU.`);
    assert.deepEqual(complaints, []);
  });

  test("is what a visitor gets whose page is there, with walks to see and a model to take along", async (t) => {
    const { page, place, complaints } = await open(t, { device: "webgpu" });
    await place.getByText("More", { exact: true }).click();
    await place.getByRole("radio", { name: "nothing" }).check();
    await place.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
    await place.getByRole("button", { name: "Learn", exact: true }).click();
    await place.getByText("It learns on the GPU.").waitFor({ timeout: PATIENCE });
    const walks = place.getByRole("img", { name: "Sixteen walks after step 0", exact: true });
    await walks.waitFor({ timeout: PATIENCE });
    await page.waitForFunction(
      () => Number(document.querySelector(".teach .readouts dd")?.textContent) >= 3,
      null,
      { timeout: PATIENCE },
    );
    await place.getByRole("button", { name: "Pause", exact: true }).click();
    const coming = page.waitForEvent("download", { timeout: PATIENCE });
    await place.getByRole("button", { name: "Download the model", exact: true }).click();
    const zip = await readFile(await (await coming).path());
    const folder = await scratch(t);
    await writeFile(path.join(folder, "yours.zip"), zip);
    const run = promisify(execFile);
    await run("python3", ["-m", "zipfile", "-e", "yours.zip", "."], { cwd: folder });
    const binary = path.join(root, "target", "release", "walkback");
    const { stdout } = await run(binary, ["info", "--model", path.join(folder, "yours")]);
    assert.match(stdout, /28/);
    assert.deepEqual(complaints, []);
  });

  test("goes on on the CPU from what was kept last where the GPU is lost, and says so", async (t) => {
    const destroy = `
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (...wishes) {
        const device = await requestDevice.apply(this, wishes);
        new BroadcastChannel("learner-faults").onmessage = () => device.destroy();
        return device;
      };`;
    const { page, place } = await open(t, { fault: destroy });
    const found = await learnStripes(page, { device: "webgpu", steps: 12, breakAt: 4 });
    assert.equal(found.device, "cpu");
    const said = /^The GPU failed \(.+\), so learning continues on the CPU from step \d+\.$/;
    assert.match(found.notice ?? "", said);
    await place.getByText(said).waitFor();
    const expected = await learnStripes(page, { device: "cpu", steps: 12 });
    assertSame(found.losses, expected.losses);
    assert.equal(found.walks, 16 * 64);
    // What was lost is not asked again.
    const again = await learnStripes(page, { device: "webgpu", steps: 1 });
    assert.equal(again.device, "cpu");
  });

  test("does not begin on a GPU that computes wrong gradients", async (t) => {
    // The forward launches of the small network that is checked are fewer than those of its gradients.
    const skip = `
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      let dispatches = 0;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...size) {
        dispatches += 1;
        if (dispatches < 300 || dispatches % 20 !== 0) dispatchWorkgroups.apply(this, size);
      };`;
    const { page, place } = await open(t, { fault: skip });
    const found = await learnStripes(page, { device: "webgpu", steps: 1 });
    assert.equal(found.device, "cpu");
    const said =
      /^Learning did not begin on the GPU \(the GPU computes wrong numbers: the gradient/;
    assert.match(found.notice ?? "", said);
    await place.getByText(said).waitFor();
  });
});
