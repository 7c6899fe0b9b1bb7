// A GPU that is too small for what it is asked: the browser refuses buffers for real (see worker-faults.js),
// and every walk is the one that the CPU walks. On SwiftShader, so with a small network and few steps.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixtureModel, fragileWorker } from "./faults.js";
import { SLOW } from "./helpers.js";
import { openSite } from "./site.js";
import { assertSameWalk, openEngine } from "./steady.js";

/** @typedef {import("./steady.js").Change} Change */
/** @typedef {import("./steady.js").Shown} Shown */

/** What the small network needs for one image is 2.2 MB: 1.1 for its weights, and then 0.6 for each. */
const FOR_TWO = 3_800_000;
const FOR_NONE = 1_500_000;

const site = openSite({ webgpu: true });

/** @param {number} count */
const walkOf = (count) => ({ seed: 5, count, label: null, numInferenceSteps: 2 });

/** @param {Shown[]} frames */
const onGpu = (frames) => frames.map(({ dispatches }) => dispatches > 0);

/** @param {Shown[]} frames */
const allDispatches = (frames) => frames.reduce((sum, { dispatches }) => sum + dispatches, 0);

describe("a GPU that is too small", { timeout: 2 * SLOW }, () => {
  test("for a batch is asked about half of it, for the same images", async (t) => {
    const { run } = await openEngine(site, t, await fragileWorker({ memory: FOR_TWO }));
    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const expected = await run(`return walk(it)`, walkOf(4));
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {Shown[]} */
    const found = await run(`return walk(it)`, walkOf(4));
    assertSameWalk(found, expected, "two at a time");
    assert.deepEqual(onGpu(found), [true, true]);
    /** @type {Change[]} */
    const changes = await run(`return changes`);
    assert.deepEqual(
      changes.map(({ device }) => device),
      [null, "webgpu"],
    );
    assert.match(changes[0]?.notice ?? "", /^There was not enough memory \(the GPU rejected/);
    assert.match(changes[1]?.notice ?? "", /now computes 2 images at a time/);
  });

  test("for what a batch needs in one piece is asked about less, and nothing is refused", async (t) => {
    const { run } = await openEngine(site, t, await fragileWorker({ piece: 1_150_000 }));
    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const expected = await run(`return walk(it)`, walkOf(9));
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {Shown[]} */
    const single = await run(`return walk(it)`, walkOf(1));
    /** @type {Shown[]} */
    const found = await run(`return walk(it)`, walkOf(9));
    assertSameWalk(found, expected, "seven and two");
    assert.equal(allDispatches(found), 2 * allDispatches(single));
    assert.deepEqual(await run(`return changes`), []);
  });

  test("for the weights in one piece has them in several, and walks the same walk", async (t) => {
    const { run } = await openEngine(site, t, await fragileWorker({ piece: 400_000 }));
    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const expected = await run(`return walk(it)`, walkOf(1));
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {Shown[]} */
    const found = await run(`return walk(it)`, walkOf(1));
    assertSameWalk(found, expected, "in pieces");
    assert.deepEqual(onGpu(found), [true, true]);
    assert.deepEqual(await run(`return changes`), []);
  });

  test("for a single image leaves the walk to the CPU, which goes on from its last step", async (t) => {
    const { run } = await openEngine(site, t);
    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const expected = await run(`return walk(it)`, walkOf(1));
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {{ frames: Shown[], stages: number }} */
    const { frames, stages } = await run(
      `const chain = await engine.open(it);
       const first = await chain.step();
       await tell("starve");
       const { stages } = await engine.look({ xt: chain.xt, timestep: 500, label: null });
       const frames = [first, await chain.step()].map(({ xt, x0, eps, xPrev, ...frame }) => ({
         ...frame, xt: [...xt], x0: [...x0], eps: [...eps], xPrev: [...xPrev] }));
       return { frames, stages: stages.length };`,
      walkOf(1),
    );
    assert.ok(stages > 0, "what did not fit is answered");
    assertSameWalk(frames, expected, "begun there and ended here");
    assert.deepEqual(onGpu(frames), [true, false]);
    /** @type {Change[]} */
    const changes = await run(`return changes`);
    assert.equal(changes.at(-1)?.device, "cpu");
    assert.match(
      changes.at(-1)?.notice ?? "",
      /^The GPU does not have enough memory .* so the CPU/,
    );
  });

  test("for the model leaves all to the CPU, or is told where it was asked for by name", async (t) => {
    const answers = {
      ...(await fixtureModel("small")),
      ...(await fragileWorker({ memory: FOR_NONE })),
      // Software, too, is worth a try for once.
      "/web/compute/gpu.js": {
        body: `export const findGpu = async () => ({ available: true, software: false, name: "", reason: "" });`,
      },
    };
    const visitor = await site.visitWith(t, answers, "?model=small#steps=10");
    await visitor.revealed(SLOW);
    assert.equal(await visitor.reads("computed on"), "CPU");
    await visitor.page
      .getByText(/^WebGPU did not start \(the GPU rejected.*CPU computes\.$/)
      .waitFor();

    const byName = new URL("?model=small&device=webgpu#steps=10", visitor.page.url());
    await visitor.page.goto(byName.href);
    await visitor.failure.waitFor({ timeout: SLOW });
    const sentence = (await visitor.failure.textContent()) ?? "";
    assert.match(sentence, /^There is not enough memory for loading the model/);
  });
});

describe("a GPU that refuses work for another reason", { timeout: SLOW }, () => {
  test("is not believed, and a fresh one walks on", async (t) => {
    const { run } = await openEngine(site, t);
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {{ said: string, expected: Shown[], found: Shown[] }} */
    const { said, expected, found } = await run(
      `const expected = await walk(it);
       const chain = await engine.open(it);
       await tell("offend");
       const said = await chain.step().then(() => "went on", (error) => error.message);
       return { said, expected, found: await walk(it) };`,
      walkOf(1),
    );
    assert.match(said, /^The computation failed while taking a step of a walk \(the GPU rejected/);
    assertSameWalk(found, expected, "on a fresh GPU");
  });
});
