// How straight a walk is. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { detour } from "../../web/figures/samplers/detour.js";

test("a flow's straight line has length 1 whatever its steps, and a detour is longer", () => {
  const x0 = [0.5, -1, 0.2];
  const eps = [-0.3, 0.8, 1.5];
  const shares = [1, 0.9, 0.4, 0];
  const alphasCumprod = shares.map((s) => (1 - s) ** 2 / ((1 - s) ** 2 + s ** 2));
  /** @param {readonly number[]} bends what is added to each state */
  const walk = (bends) =>
    alphasCumprod.map((abar, i) =>
      Float32Array.from(
        x0,
        (x, k) => Math.sqrt(abar) * x + Math.sqrt(1 - abar) * (eps[k] ?? 0) + (bends[i] ?? 0),
      ),
    );
  assert.ok(Math.abs(detour(walk([]), alphasCumprod) - 1) < 1e-6);
  assert.ok(detour(walk([0, 0.5, -0.5, 0]), alphasCumprod) > 1.2);
});
