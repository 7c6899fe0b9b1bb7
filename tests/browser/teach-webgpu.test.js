// Learning on WebGPU: the CPU's steps, and not on a GPU that computes something else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSite } from "./site.js";
import { PATIENCE, assertSame, learnStripes, openSmall } from "./stripes.js";

const site = openSite({ webgpu: true });

describe("learning on WebGPU", { timeout: 4 * PATIENCE }, () => {
  test("takes the CPU's steps", async (t) => {
    const { page, complaints } = await openSmall(site, t);
    const found = await learnStripes(page, { device: "webgpu", steps: 6 });
    assert.deepEqual([found.device, found.notice], ["webgpu", ""]);
    const expected = await learnStripes(page, { device: "cpu", steps: 6 });
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

  test("does not begin on a GPU that computes wrong gradients", async (t) => {
    // The forward launches of the small network that is checked are fewer than those of its gradients.
    const skip = `
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      let dispatches = 0;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...size) {
        dispatches += 1;
        if (dispatches < 300 || dispatches % 20 !== 0) dispatchWorkgroups.apply(this, size);
      };`;
    const { page, place } = await openSmall(site, t, { fault: skip });
    const found = await learnStripes(page, { device: "webgpu", steps: 1 });
    assert.equal(found.device, "cpu");
    const said =
      /^Learning did not begin on the GPU \(the GPU computes wrong numbers: the gradient/;
    assert.match(found.notice ?? "", said);
    await place.getByText(said).waitFor();
  });
});
