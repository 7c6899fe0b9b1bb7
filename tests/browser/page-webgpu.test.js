// The page on WebGPU, imitated in software (SwiftShader): slow, so few steps.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { SLOW, launch, screenshots, serve } from "./helpers.js";
import { Visitor } from "./visitor.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;

before(async () => {
  browser = await launch({ webgpu: true });
  server = await serve();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

describe("the page on WebGPU", () => {
  test("walks on the GPU when asked to, and counts its dispatches", async (t) => {
    const visitor = new Visitor(await browser.newPage());
    await visitor.page.goto(`${server.url}?device=webgpu#steps=10`);
    const failed = visitor.failure.waitFor({ timeout: SLOW }).then(async () => {
      throw new Error(`the page says: ${await visitor.failure.textContent()}`);
    });
    failed.catch(() => {});
    await Promise.race([visitor.revealed(SLOW), failed]);
    assert.equal(await visitor.reads("computed on"), "WebGPU");
    await Promise.race([visitor.reaches(2, SLOW), failed]);

    await visitor.page.getByText("What computes here").click();
    assert.match(await visitor.reads("Device"), /^WebGPU on \S/);
    assert.match(await visitor.reads("Check at start"), /^eps-hat is within/);
    const dispatches = Number(await visitor.reads("GPU dispatches per step"));
    assert.ok(dispatches > 0, "the GPU was given work");
    t.diagnostic(`${dispatches} dispatches and ${await visitor.reads("ms per step")} ms per step`);
    await mkdir(screenshots, { recursive: true });
    await visitor.page.screenshot({ path: path.join(screenshots, "page-webgpu.png") });
    assert.deepEqual(visitor.complaints, []);
    await visitor.page.context().close();
  });

  test("is left to the CPU where the GPU is only imitated, in one quiet line", async () => {
    const visitor = new Visitor(await browser.newPage());
    await visitor.page.goto(server.url);
    await visitor.revealed();
    assert.equal(await visitor.reads("computed on"), "CPU");
    await visitor.page.getByText(/software adapter here.*so the CPU computes/).waitFor();
    assert.equal(await visitor.failure.count(), 0);
    assert.deepEqual(visitor.complaints, []);
    await visitor.page.context().close();
  });
});
