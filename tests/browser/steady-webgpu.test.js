// A GPU that is lost in the middle of a walk: GPUDevice.destroy() is what a driver reset looks like from
// here. On SwiftShader, so with a small network and few steps; the CPU's walk is what they are compared with.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixtureModel, fragileWorker } from "./faults.js";
import { SLOW } from "./helpers.js";
import { openSite } from "./site.js";
import { assertSameWalk, openEngine } from "./steady.js";

/** @typedef {import("./steady.js").Shown} Shown */

const site = openSite({ webgpu: true });

describe("a GPU that is lost", { timeout: 2 * SLOW }, () => {
  test("costs no walk anything: it goes on on a new device, and at the second time on the CPU", async (t) => {
    const { run } = await openEngine(site, t);
    const options = `{ seed: 4, count: 1, label: null, numInferenceSteps: 3 }`;

    await run(`await engine.load({ model: "small", device: "cpu" })`);
    /** @type {Shown[]} */
    const undisturbed = await run(`return walk(${options})`);
    await run(`await engine.load({ model: "small", device: "webgpu" })`);
    /** @type {Shown[]} */
    const renewed = await run(`return walk(${options}, { 1: "destroy" })`);
    assertSameWalk(renewed, undisturbed, "on a new device");
    assert.ok(
      renewed.every(({ dispatches }) => dispatches > 0),
      "all of it on the GPU",
    );
    /** @type {import("./steady.js").Change[]} */
    let changes = await run(`return changes.splice(0)`);
    assert.deepEqual(
      changes.map(({ device }) => device),
      [null, "webgpu"],
    );
    assert.match(
      changes[1]?.notice ?? "",
      /GPU was lost .* has been restarted\. Walks continue from their last step\.$/,
    );

    /** @type {Shown[]} */
    const moved = await run(`return walk(${options}, { 2: "destroy" })`);
    assertSameWalk(moved, undisturbed, "on the CPU");
    assert.deepEqual(
      moved.map(({ dispatches }) => dispatches > 0),
      [true, true, false],
    );
    changes = await run(`return changes.splice(0)`);
    assert.equal(changes.at(-1)?.device, "cpu");
    assert.match(changes.at(-1)?.notice ?? "", /so the CPU computes from now on/);

    const next = await run(`return engine.load({ model: "small", device: "webgpu" })`);
    assert.equal(next.info.device, "cpu", "for the next model, too");
    assert.match(next.notice, /GPU was lost twice, so the CPU computes\.$/);
  });

  test("is told in the page, which walks on on the CPU where there is no other", async (t) => {
    const answers = { ...(await fixtureModel("small")), ...(await fragileWorker()) };
    const address = "?device=webgpu&model=small#steps=10&at=1";
    const visitor = await site.visitWith(t, answers, address);
    await visitor.revealed(SLOW);
    await visitor.until(async () => (await visitor.position()).position === 1, SLOW);
    assert.equal(await visitor.reads("computed on"), "WebGPU");

    const worker = answers["/web/worker.js"]?.body;
    const without = `Object.defineProperty(navigator, "gpu", { value: undefined });\n${worker}`;
    answers["/web/worker.js"] = { body: without };
    await visitor.page.evaluate(() =>
      new BroadcastChannel("faults").postMessage({ order: "destroy" }),
    );
    const notice = visitor.page.getByRole("complementary", { name: "What happened" });
    await notice.getByText(/The GPU was lost/).waitFor();
    await visitor.play.click();
    await visitor.reaches(10, SLOW);
    await notice.getByText(/so the CPU computes/).waitFor();
    assert.equal(await visitor.reads("computed on"), "CPU");
    assert.equal(await visitor.failure.count(), 0);
  });
});
