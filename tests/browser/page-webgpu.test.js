// The page on WebGPU, imitated in software (SwiftShader): slow, so few steps.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { SLOW, screenshots } from "./helpers.js";
import { openSite } from "./site.js";

const site = openSite({ webgpu: true });

describe("the page on WebGPU", () => {
  test("walks on the GPU when asked to, and counts its dispatches", async (t) => {
    const visitor = await site.visit("?device=webgpu#steps=10", {}, SLOW);
    assert.equal(await visitor.reads("computed on"), "WebGPU");
    await visitor.unlessItFails(visitor.reaches(2, SLOW), SLOW);

    await visitor.page.getByText("What computes here").click();
    assert.match(await visitor.reads("Device"), /^WebGPU on \S/);
    assert.match(await visitor.reads("Check at start"), /^eps-hat is within/);
    const dispatches = Number(await visitor.reads("GPU dispatches per step"));
    assert.ok(dispatches > 0, "the GPU was given work");
    t.diagnostic(`${dispatches} dispatches and ${await visitor.reads("ms per step")} ms per step`);
    await mkdir(screenshots, { recursive: true });
    await visitor.page.screenshot({ path: path.join(screenshots, "page-webgpu.png") });
    await visitor.leave();
  });

  test("is left to the CPU where the GPU is only imitated, in one quiet line", async () => {
    const visitor = await site.visit("");
    assert.equal(await visitor.reads("computed on"), "CPU");
    await visitor.page.getByText(/software adapter here.*so the CPU computes/).waitFor();
    assert.equal(await visitor.failure.count(), 0);
    await visitor.leave();
  });
});
