// The page on WebGPU, imitated in software (SwiftShader): slow, so few steps.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { fixtureModel } from "./faults.js";
import { canHoldAnswers, holdAnswers, letAnswersGo, sharesTold } from "./held-answers.js";
import { SLOW, root, screenshots } from "./helpers.js";
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

  test("shows how much of a long answer is there", async (t) => {
    // By the clock of this worker every answer takes long.
    const hasty = `const { now } = Performance.prototype;
      Performance.prototype.now = function () { return 1e4 * now.call(this); };`;
    const worker = await readFile(path.join(root, "web", "worker.js"), "utf8");
    const answers = { "/web/worker.js": { body: `${worker}\n${hasty}` } };
    const small = await fixtureModel("small");
    const visitor = await site.visitWith(
      t,
      { ...small, ...answers },
      "?device=webgpu&model=small#steps=10",
      { reducedMotion: "reduce", prepare: canHoldAnswers },
    );
    const { page } = visitor;
    await visitor.unlessItFails(visitor.revealed(SLOW), SLOW);
    await holdAnswers(page);
    await visitor.step.click();
    // What the answer before showed last may stand there still.
    await page.waitForFunction(() => Object(globalThis).shares.at(-1) >= 0.9, null, {
      timeout: 60_000,
    });
    await page.getByText(/^(9\d|100) % of the network's answer$/).waitFor({ timeout: 60_000 });
    const shares = await sharesTold(page);
    assert.ok(shares.length >= 8, String(shares));
    assert.ok((shares[0] ?? NaN) < 0.3 && (shares.at(-1) ?? NaN) < 1, String(shares));
    for (const [i, share] of shares.slice(1).entries()) {
      assert.ok(share > (shares[i] ?? NaN), String(shares));
    }
    await letAnswersGo(page);
    await visitor.unlessItFails(visitor.reaches(1, SLOW), SLOW);
    await visitor.leave();
  });

  test("leaps at full speed, and what it left out is there once somebody looks", async (t) => {
    const small = await fixtureModel("small");
    const where = "?device=webgpu&model=small#steps=10&seed=3";
    const still = /** @type {const} */ ({ reducedMotion: "reduce" });
    const patient = await site.visitWith(t, small, `${where}&at=6`, still);
    await patient.unlessItFails(patient.rests(6), SLOW);
    const expected = await patient.frame();

    // By the clock of this worker every step is quick, so that as many as are left are taken at once.
    const quick = `const { now } = Performance.prototype;
      Performance.prototype.now = function () { return 1e-4 * now.call(this); };
      const said = new BroadcastChannel("steps");
      self.addEventListener("message", ({ data }) => {
        if (data.method === "step") said.postMessage(data.params.most);
      });`;
    const worker = await readFile(path.join(root, "web", "worker.js"), "utf8");
    const answers = { ...small, "/web/worker.js": { body: `${quick}\n${worker}` } };
    const hasty = await site.visitWith(t, answers, `${where}&speed=max&at=0`, still);
    await hasty.unlessItFails(hasty.rests(0), SLOW);
    await hasty.page.evaluate(() => {
      /** @type {number[]} */
      const asked = [];
      Object.assign(globalThis, { asked });
      new BroadcastChannel("steps").addEventListener("message", ({ data }) => asked.push(data));
    });
    await hasty.play.click();
    await hasty.page.getByRole("button", { name: "Play again" }).waitFor({ timeout: SLOW });
    await hasty.scrubber.fill("6");
    await hasty.unlessItFails(hasty.rests(6), SLOW);
    assert.deepEqual(await hasty.frame(), expected);
    /** @type {number[]} */
    const asked = await hasty.page.evaluate(() => Object(globalThis).asked);
    // The first step of the chain that leaps says how long one takes.
    assert.deepEqual(asked.slice(0, 2), [Infinity, Infinity], String(asked));
    assert.ok(
      asked.slice(2).every((most) => most === 1),
      String(asked),
    );
    await hasty.leave();
    await patient.leave();
  });

  test("is left to the CPU where the GPU is only imitated, in one quiet line", async () => {
    const visitor = await site.visit("");
    assert.equal(await visitor.reads("computed on"), "CPU");
    await visitor.page.getByText(/software adapter here.*so the CPU computes/).waitFor();
    assert.equal(await visitor.failure.count(), 0);
    await visitor.leave();
  });
});
