// What is kept of learning, as bytes. It needs no browser.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { smoothed } from "../../web/figures/teach/smoothed.js";
import { pack, unpack } from "../../web/worker/learning-file.js";

const about = {
  learning: {
    from: /** @type {const} */ ("model"),
    shape: [1, 2, 3],
    label: 11,
    step: 2,
    losses: [0.5, 0.25],
  },
  how: { learningRate: 1e-3, varies: true, mirrors: false },
  rehearses: true,
  examples: Float32Array.of(-1, 0.5, 1, 0, 0.25, -0.75),
  shape: [1, 2, 3],
};

describe("what is kept of learning", () => {
  test("is read as it was written, wherever its bytes lie", () => {
    const learner = Uint8Array.of(3, 1, 4, 1, 5);
    const bytes = pack(about, learner);
    for (const before of [0, 1, 2, 3]) {
      const all = new Uint8Array(before + bytes.length);
      all.set(bytes, before);
      const read = unpack(all.subarray(before));
      assert.deepEqual(read?.about, about);
      assert.deepEqual(Uint8Array.from(read?.learner ?? []), learner);
    }
  });

  test("is refused where half of it is missing", () => {
    const bytes = pack(about, new Uint8Array(0));
    assert.equal(unpack(bytes.subarray(0, bytes.length - 5)), null);
    assert.equal(unpack(bytes.subarray(0, 30)), null);
    assert.equal(unpack(new Uint8Array(0)), null);
  });

  test("of losses is shown smoothed: their mean at first, then of about the last twenty", () => {
    assert.deepEqual(smoothed([]), []);
    assert.deepEqual(smoothed([1, 3]), [1, 2]);
    const steps = smoothed([...Array(100).fill(1), ...Array(20).fill(2)]);
    assert.equal(steps[99], 1);
    assert.ok((steps.at(-1) ?? 0) > 1.6 && (steps.at(-1) ?? 0) < 1.7);
  });
});
