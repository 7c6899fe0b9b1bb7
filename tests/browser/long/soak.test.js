// Hours of use in minutes: walks with ever other settings, models loaded again and again. What the crate and
// the GPU hold must not grow. Runs with `cargo xtask test --long`. On the GPU 400 steps stand for the 10,000 of
// the CPU: imitated in software, a step takes a good third of a second, and buffers that are left behind are
// left at every step or every load.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixtureModel } from "../faults.js";
import { openSite } from "../site.js";
import { openEngine } from "../steady.js";

/** What is left behind is counted after it could have been collected. */
const flags = ["--js-flags=--expose-gc"];
const sites = { cpu: openSite({ flags }), webgpu: openSite({ webgpu: true, flags }) };

/** @typedef {{ memory: number, buffers: number, bytes: number }} Held */

/**
 * @typedef {object} Soak
 * @property {number} settings how often they change
 * @property {number} steps of each walk
 * @property {number} reloads of each of two models
 */

/**
 * Walks, reloads, and counts what is held after each reload.
 * @param {import("node:test").TestContext} t
 * @param {keyof typeof sites} device
 * @param {Soak} soak
 * @returns {Promise<{ held: Held[], steps: number, complaints: string[] }>}
 */
async function soak(t, device, { settings, steps, reloads }) {
  const labelled = await fixtureModel("labelled", { folder: "class_conditional" });
  const { page, complaints } = await openEngine(sites[device], t, labelled);
  page.on("console", (message) => {
    if (message.type() === "warning") complaints.push(message.text());
  });
  /** @type {Held[]} */
  const held = [];
  let taken = 0;
  const every = Math.round(settings / reloads);
  for (let setting = 0; setting < settings; setting++) {
    const reload = setting === 0 || setting % every === 0 ? ["small", "labelled"] : [];
    const found = await page.evaluate(
      async ({ setting, steps, reload, device }) => {
        const lab = /** @type {any} */ (globalThis);
        const { engine, tell } = lab;
        // The labelled model stays: it takes every setting.
        for (const model of reload) lab.info = (await engine.load({ model, device })).info;
        const counted = reload.length > 0 ? await tell("count") : null;
        const [h, w] = lab.info.imageSize;
        const size = lab.info.channels * h * w;
        const count = device === "cpu" && setting % 10 === 9 ? 3 : 1;
        const kind = setting % 5;
        const options = {
          seed: setting,
          count,
          label: setting % 3,
          numInferenceSteps: steps,
          sampler: ["ddpm", "ddim", "dpm++", "ddim", "ddpm"][kind],
          eta: kind === 3 ? 0.5 : 0,
          spacing: ["leading", "linspace", "trailing"][setting % 3],
          ...(kind === 4
            ? {
                inpaint: {
                  x0: new Float32Array(count * size),
                  mask: new Float32Array(h * w).fill(0.5),
                  resamplings: 1,
                },
              }
            : {}),
        };
        const chain = await engine.open(options);
        let taken = 0;
        for (let done = false; !done; taken++) ({ done } = await chain.step());
        chain.close();
        return { counted, taken };
      },
      { setting, steps, reload, device },
    );
    taken += found.taken;
    if (found.counted !== null) held.push(found.counted);
  }
  held.push(await page.evaluate(() => /** @type {any} */ (globalThis).tell("count")));
  return { held, steps: taken, complaints };
}

/** @param {Held[]} held */
const inWords = (held) =>
  held.map(({ memory, buffers, bytes }) => `${memory / 2 ** 20}/${buffers}/${bytes}`).join(" ");

/**
 * A third of the counts are warm-up; after it the largest is no larger than the first.
 * @param {Held[]} held
 * @param {keyof Held} what
 */
function assertFlat(held, what) {
  const warm = held.slice(Math.ceil(held.length / 3)).map((count) => count[what]);
  const most = Math.max(...warm);
  assert.ok(most <= (warm[0] ?? NaN), `${what} after warm-up: ${warm.join(", ")}`);
}

describe("a soak", { timeout: 3_600_000 }, () => {
  test("of 10,000 steps, 50 settings and 20 model reloads keeps the CPU's memory flat", async (t) => {
    const plan = { settings: 50, steps: 200, reloads: 10 };
    const { held, steps, complaints } = await soak(t, "cpu", plan);
    t.diagnostic(`${steps} steps; MiB/buffers/bytes at each reload: ${inWords(held)}`);
    assert.equal(steps, 10_000);
    assertFlat(held, "memory");
    assert.deepEqual(complaints, []);
  });

  test("of 400 steps, 10 settings and 4 reloads of each model keeps the GPU's buffers flat", async (t) => {
    const plan = { settings: 10, steps: 40, reloads: 4 };
    const { held, steps, complaints } = await soak(t, "webgpu", plan);
    t.diagnostic(`${steps} steps; MiB/buffers/bytes at each reload: ${inWords(held)}`);
    assert.equal(steps, 400);
    assertFlat(held, "memory");
    assertFlat(held, "buffers");
    assertFlat(held, "bytes");
    assert.deepEqual(complaints, []);
  });
});
