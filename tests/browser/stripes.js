// Learning on WebGPU, imitated in software (SwiftShader): slow, so with small images or few steps. What the CPU learns from
// the same seed is what it is compared with.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fixtureModel } from "./faults.js";
import { SLOW, root } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ losses: number[], device: string | undefined, notice: string | undefined, walks: number, zip: number }} Learned */

/** How far a loss may be from the CPU's, as a share of it. */
const TOLERANCE = 1e-3;
export const PATIENCE = 3 * SLOW;

/**
 * The figure alone, with a small model.
 * @param {ReturnType<typeof import("./site.js").openSite>} site
 * @param {import("node:test").TestContext} t
 * @param {object} [how]
 * @param {"webgpu" | "cpu"} [how.device] of the page's model
 * @param {string} [how.fault] code in front of the worker that learns
 */
export async function openSmall(site, t, { device = "cpu", fault = "" } = {}) {
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
export function learnStripes(page, how) {
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
export function assertSame(found, expected) {
  assert.equal(found.length, expected.length);
  for (const [i, loss] of found.entries()) {
    const apart = Math.abs(loss - (expected[i] ?? NaN)) / (expected[i] ?? NaN);
    assert.ok(apart < TOLERANCE, `step ${i + 1}: ${loss} on WebGPU, ${expected[i]} on the CPU`);
  }
}
