// Where the network is computed: a GPU that is slow without saying so, the visitor's own choice, and what each device
// takes for a step. SwiftShader is such a GPU once it does not say that it is software.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { fixtureModel, silentWorker } from "./faults.js";
import { SLOW } from "./helpers.js";
import { openSite } from "./site.js";
import { assertSameWalk, openEngine } from "./steady.js";
import { openMore } from "./visitor.js";

/** @typedef {import("./steady.js").Shown} Shown */
/** @typedef {import("./visitor.js").Visitor} Visitor */

/** What computes, behind "More". @param {Visitor} visitor */
async function choiceOf({ page, hero }) {
  await openMore(hero);
  const group = page.getByRole("group", { name: "Computed on" });
  return {
    group,
    cpu: group.getByRole("radio", { name: "CPU" }),
    gpu: group.getByRole("radio", { name: "GPU" }),
    times: page.locator(".device .hint"),
  };
}

const TIME = String.raw`\d[\d.]* m?s`;

describe("a GPU that is slow without saying so", { timeout: 2 * SLOW }, () => {
  const site = openSite({ webgpu: true });

  test("is left to the CPU, and the page says what a step takes on both", async (t) => {
    const answers = { ...(await fixtureModel("small")), ...(await silentWorker()) };
    const visitor = await site.visitWith(t, answers, "?model=small#steps=10");
    await visitor.revealed(SLOW);
    assert.equal(await visitor.reads("computed on"), "CPU");
    const said = new RegExp(
      `^A step takes ${TIME} on the GPU here and ${TIME} on the CPU, so the CPU computes\\.$`,
    );
    await visitor.page.getByText(said).waitFor();
    const { cpu, times } = await choiceOf(visitor);
    assert.ok(await cpu.isChecked());
    assert.match(
      (await times.textContent()) ?? "",
      new RegExp(`^A step takes ${TIME} on the CPU and ${TIME} on the GPU\\.$`),
    );
  });

  test("computes where it is asked for by name, until the visitor takes the CPU", async (t) => {
    const answers = { ...(await fixtureModel("small")), ...(await silentWorker()) };
    const address = "?device=webgpu&model=small#steps=10&at=2";
    const visitor = await site.visitWith(t, answers, address);
    await visitor.revealed(SLOW);
    await visitor.until(async () => (await visitor.position()).position === 2, SLOW);
    assert.equal(await visitor.reads("computed on"), "WebGPU");
    await visitor.page
      .getByText(/^A step takes .* on the CPU\. You can choose the CPU under "More"\.$/)
      .waitFor();

    const { group, cpu } = await choiceOf(visitor);
    assert.deepEqual(await violations(visitor.page, group), []);
    await cpu.check();
    await visitor.until(async () => (await visitor.reads("computed on")) === "CPU");
    assert.equal((await visitor.position()).position, 2, "the walk stays where it was");
    assert.equal(new URL(visitor.page.url()).searchParams.get("device"), "cpu");
    assert.equal(await visitor.page.getByText(/choose the CPU under/).count(), 0);
    await visitor.play.click();
    await visitor.reaches(10);
    assert.deepEqual(visitor.complaints, []);
  });

  test("is no different from the CPU: a walk goes on there, and back, from its last step", async (t) => {
    const { run } = await openEngine(site, t);
    const options = { seed: 4, count: 1, label: null, numInferenceSteps: 4 };
    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const expected = await run(`return walk(it)`, options);
    /** @type {Shown[]} */
    const found = await run(
      `const chain = await engine.open(it);
       const frames = [await chain.step()];
       await engine.moveTo("webgpu");
       frames.push(await chain.step());
       // In the middle of a step.
       const [third] = await Promise.all([chain.step(), engine.moveTo("cpu")]);
       frames.push(third, await chain.step());
       return frames.map(({ xt, x0, eps, xPrev, ...frame }) =>
         ({ ...frame, xt: [...xt], x0: [...x0], eps: [...eps], xPrev: [...xPrev] }));`,
      options,
    );
    assertSameWalk(found, expected, "on the GPU and back");
    const onGpu = found.map(({ dispatches }) => dispatches > 0);
    assert.deepEqual([onGpu[0], onGpu[1], onGpu[3]], [false, true, false]);
  });

  for (const missing of [
    "GPUAdapter",
    "GPUBuffer",
    "GPUComputePassEncoder",
    "GPUDevice",
    "GPUQueue",
  ]) {
    test(`and a browser without ${missing} in its workers computes on the CPU, and says so`, async (t) => {
      const answers = {
        ...(await fixtureModel("small")),
        ...(await silentWorker(`delete globalThis.${missing};`)),
      };
      const visitor = await site.visitWith(t, answers, "?model=small#steps=10");
      await visitor.revealed(SLOW);
      assert.equal(await visitor.reads("computed on"), "CPU");
      await visitor.page
        .getByText(`This browser's WebGPU has no ${missing}, so the CPU computes.`)
        .waitFor();
    });
  }
});

describe("the choice of a device", () => {
  const site = openSite();

  test("stays with the CPU where there is no GPU, and says why", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=3");
    await visitor.rests(3);
    const { cpu, gpu, times } = await choiceOf(visitor);
    assert.match(
      (await times.textContent()) ?? "",
      new RegExp(`^A step takes ${TIME} on the CPU\\. The GPU has not been tried\\.$`),
    );
    await gpu.check();
    await visitor.page
      .getByText(/^(This browser has no WebGPU|WebGPU found no GPU).* The CPU continues\.$/)
      .waitFor();
    assert.ok(await cpu.isChecked());
    await visitor.play.click();
    await visitor.reaches(10);
    await visitor.leave();
  });
});

describe("a browser whose WebAssembly has no SIMD", () => {
  // Chromium has it where the processor has SSE 4.1.
  const site = openSite({ flags: ["--js-flags=--no-enable-sse4-1"] });

  test("is told so before the network is fetched", async (t) => {
    const visitor = await site.visitWith(t, {}, "?device=cpu");
    await visitor.failure.waitFor();
    assert.match((await visitor.failure.textContent()) ?? "", /has no SIMD/);
  });
});
