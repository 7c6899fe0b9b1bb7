// The check of a GPU at start: a few answers that the CPU knows, because a step is not what the first one was. What the
// GPU did for that is recorded, and repeated from then on. SwiftShader computes; it does not say that it is software.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixtureModel, silentWorker } from "./faults.js";
import { SLOW } from "./helpers.js";
import { openSite } from "./site.js";

/**
 * In front of the worker: a GPU that computes nothing for one of its answers, and leaves in memory what was there. The
 * first answer of all is that of a network without weights, for which kernels are compiled.
 * @param {number} answer of the model, from 1
 */
const skipping = (answer) => `{
  // Nobody hears how far an answer is, for which it would be read in parts.
  Object.defineProperty(self, "walkbackProgress", { get() {}, set() {} });
  let read = 0;
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function (...range) {
    read += 1;
    return mapAsync.apply(this, range);
  };
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...size) {
    if (read !== ${answer}) dispatchWorkgroups.apply(this, size);
  };
}`;

describe("a GPU that computes", { timeout: 2 * SLOW }, () => {
  const site = openSite({ webgpu: true });

  for (const [answer, says] of /** @type {const} */ ([
    [1, 'eps-hat of the model "small" differs from its known value'],
    [2, 'the second answer for the model "small" differs from the CPU\'s'],
    [3, 'the third answer for the model "small" differs from the CPU\'s'],
  ])) {
    test(`all answers but number ${answer} is refused, and the page says which was wrong`, async (t) => {
      const answers = {
        ...(await fixtureModel("small")),
        ...(await silentWorker(skipping(answer))),
      };
      const visitor = await site.visitWith(t, answers, "?model=small#steps=10");
      await visitor.revealed(SLOW);
      assert.equal(await visitor.reads("computed on"), "CPU");
      const notice = visitor.page.getByText(/^The GPU did not pass the check at start/);
      const said = (await notice.textContent()) ?? "";
      assert.ok(said.includes(says), said);
      assert.match(said, / by \d[\d.e+]*\), so the CPU computes\.$/);
    });
  }
});
