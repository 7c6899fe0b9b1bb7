// Nothing is lost and nothing is silently wrong: a worker that breaks down, memory that does not suffice,
// numbers that are none, a seed that is used again. On the CPU; steady-webgpu.test.js loses GPUs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { fixtureModel, fragileWorker, limitMemory, scaleTensor } from "./faults.js";
import { root } from "./helpers.js";
import { cifarFolder } from "./models.js";
import { openSite } from "./site.js";
import { openEngine } from "./steady.js";

/** @typedef {import("./helpers.js").Answer} Answer */
/** @typedef {import("../../web/protocol/messages.js").ChainOptions} ChainOptions */

const site = openSite();

/**
 * The engine with a model on the CPU.
 * @param {import("node:test").TestContext} t
 * @param {Record<string, Answer>} [instead]
 * @param {string} [model]
 */
async function engineOn(t, instead = {}, model = "small") {
  const { run } = await openEngine(site, t, instead);
  await run(`await engine.load({ model: it, device: "cpu" })`, model);
  return run;
}

/** A model named "large". @returns {Record<string, Answer>} */
function largeModel() {
  const { files } = cifarFolder();
  return Object.fromEntries(
    Object.entries(files).map(([name, body]) => [
      `/pretrained/large/${name}`,
      { body: Buffer.from(body) },
    ]),
  );
}

/** @type {ChainOptions} */
const options = { seed: 3, count: 2, label: null, numInferenceSteps: 6 };

describe("a worker that breaks down", () => {
  test("is replaced, and what it was doing is said", async (t) => {
    const run = await engineOn(t);
    const said = await run(
      `const chain = await engine.open(it);
       await chain.step();
       await tell("corrupt");
       const question = { xt: chain.xt, count: 2, timestep: 500 };
       const guilty = engine.denoise(question).then(() => "went on", (error) => error.message);
       const waiting = engine.predict(question);
       return { guilty: await guilty, waiting: Array.from(await waiting), changes };`,
      options,
    );
    assert.match(said.guilty, /^The computation failed while computing a prediction \(.+\)/);
    assert.match(said.guilty, /try again\.$/);
    assert.ok(said.waiting.every(Number.isFinite), "who waited behind it has an answer");
    assert.match(
      said.changes.at(-1).notice,
      /computation failed.*continue from their last step\.$/s,
    );
  });

  test("does not take other walks with it", async (t) => {
    const run = await engineOn(t);
    for (const sampler of ["ddpm", "dpm++"]) {
      const frames = await run(
        `const undisturbed = await walk(it);
         const chain = await engine.open(it);
         const frames = [];
         for (let i = 0; i < it.numInferenceSteps; i++) {
           if (i === 3) {
             await tell("corrupt");
             await engine.denoise({ xt: chain.xt, count: 2, timestep: 1 }).catch(() => {});
           }
           frames.push(await chain.step());
         }
         return { undisturbed, frames: frames.map(({ index, xt, x0, eps, xPrev, done }) => ({
           index, done, xt: [...xt], x0: [...x0], eps: [...eps], xPrev: [...xPrev] })) };`,
        { ...options, sampler },
      );
      assert.deepEqual(
        frames.frames.map((/** @type {any} */ { done, ...frame }) => frame),
        frames.undisturbed.map((/** @type {any} */ { timestep, dispatches, ...frame }) => frame),
        `${sampler}: to the bit, as on the CPU everything is`,
      );
    }
  });

  test("while it loads another model is not said to have interrupted anything", async (t) => {
    const run = await engineOn(t);
    const said = await run(
      `await tell("corrupt");
       const load = () => engine.load({ model: it, device: "cpu" });
       const failed = await load().then(() => "loaded", (error) => error.message);
       const told = changes.splice(0);
       await load();
       return { failed, told, later: changes, frames: (await walk({ seed: 3, count: 1, label: null, numInferenceSteps: 2 })).length };`,
      "small",
    );
    assert.match(said.failed, /^The computation failed while loading the model/);
    assert.deepEqual([said.told, said.later], [[], []]);
    assert.equal(said.frames, 2);
  });

  test("before another model is loaded leaves no promise that something goes on", async (t) => {
    const run = await engineOn(t);
    const notices = await run(
      `const chain = await engine.open({ seed: 3, count: 1, label: null, numInferenceSteps: 6 });
       await chain.step();
       await tell("corrupt");
       await engine.denoise({ xt: chain.xt, count: 1, timestep: 500 }).catch(() => {});
       await engine.load({ model: it, device: "cpu" });
       return changes.map(({ notice }) => notice);`,
      "small",
    );
    assert.match(notices[0], /Reloading the network; running walks will continue\.$/);
    assert.match(notices[1], /^The computation failed \(.+\)\.$/);
    assert.equal(notices.length, 2);
  });

  test("is told in the page, which goes on when asked", async (t) => {
    const answers = { ...(await fixtureModel("small")), ...(await fragileWorker()) };
    const viewport = { width: 1280, height: 720 };
    const address = "?device=cpu&model=small#steps=10&at=2";
    const visitor = await site.visitWith(t, answers, address, { viewport });
    await visitor.rests(2);
    await visitor.page.evaluate(
      () =>
        new Promise((resolve) => {
          const channel = new BroadcastChannel("faults");
          channel.onmessage = resolve;
          channel.postMessage({ order: "corrupt" });
        }),
    );
    await visitor.step.click();
    await visitor.failure.waitFor();
    assert.match(
      (await visitor.failure.textContent()) ?? "",
      /failed while taking a step of a walk/,
    );
    const box = await visitor.failure.boundingBox();
    assert.ok(box !== null && box.y >= 0 && box.y + box.height < viewport.height, "in sight");
    await visitor.page.getByRole("button", { name: "Try again" }).click();
    // The address had the step that was asked for.
    await visitor.rests(3);
    await visitor.step.click();
    await visitor.rests(4);
    assert.equal(await visitor.failure.count(), 0);
    const notice = visitor.page.getByRole("complementary", { name: "What happened" });
    await notice.getByText(/computation failed/).waitFor();
    await notice.getByRole("button", { name: "Close" }).click();
    assert.equal(await notice.getByText(/computation failed/).count(), 0);
  });
});

test("a walk leaves nothing behind on the signals that can end it", async (t) => {
  const run = await engineOn(t);
  const listeners = await run(
    `let listeners = 0;
     const { addEventListener, removeEventListener } = AbortSignal.prototype;
     AbortSignal.prototype.addEventListener = function (...how) {
       listeners += 1;
       return addEventListener.apply(this, how);
     };
     AbortSignal.prototype.removeEventListener = function (...how) {
       listeners -= 1;
       return removeEventListener.apply(this, how);
     };
     const { signal } = new AbortController();
     const chain = await engine.open(it, signal);
     const counts = [listeners];
     for (let i = 0; i < it.numInferenceSteps; i++) {
       await chain.step();
       counts.push(listeners);
     }
     chain.close();
     return [...counts, listeners];`,
    options,
  );
  assert.deepEqual(listeners, [1, 1, 1, 1, 1, 1, 1, 0]);
});

describe("memory that does not suffice", () => {
  const many = { ...options, count: 24, numInferenceSteps: 2 };

  /** The crate's module, with no more memory than this. @param {number} pages */
  async function withMemory(pages) {
    const file = path.join(root, "web", "pkg", "cpu", "walkback_bg.wasm");
    return { "/web/pkg/cpu/walkback_bg.wasm": { body: limitMemory(await readFile(file), pages) } };
  }

  test("halves the batch until it does, for the same images", async (t) => {
    // One question waits behind the first step, however often that breaks its worker.
    const script = `
      const chain = await engine.open(it);
      const stepping = chain.step();
      const waiting = engine.predict({ xt: chain.xt.slice(0, 28 * 28), count: 1, timestep: 500 });
      const frames = [await stepping, await chain.step()];
      chain.close();
      return { frames: frames.map(({ x0, xPrev }) => [[...x0], [...xPrev]]), waiting: [...await waiting] };`;
    const ample = await engineOn(t);
    const expected = await ample(script, many);
    /** What so many images need, in bytes. @param {number} count */
    const needed = async (count) => {
      const engine = await engineOn(t);
      await engine(script, { ...many, count });
      return (await engine(`return tell("count")`)).memory;
    };
    const [three, six] = [await needed(3), await needed(6)];
    t.diagnostic(`3 images need ${three / 2 ** 20} MiB, 6 need ${six / 2 ** 20} MiB`);
    assert.ok(six - three >= 2 ** 17);
    // Of 24, 12, 6 and 3 images only the last.
    const short = await engineOn(t, await withMemory(Math.floor((three + six) / 2 / 2 ** 16)));
    assert.deepEqual(await short(script, many), expected);
    const changes = await short(`return changes`);
    assert.equal(changes.length, 2 * 3, "three workers were lost, and each is told twice");
    assert.match(changes.at(-1).notice, /now computes 3 images at a time/);
  });

  test("is told plainly where not even one image fits", async (t) => {
    const answers = { ...(await fixtureModel("small")), ...(await withMemory(24)) };
    const visitor = await site.visitWith(t, answers, "?device=cpu&model=small");
    await visitor.failure.waitFor();
    const sentence = (await visitor.failure.textContent()) ?? "";
    assert.match(sentence, /^There is not enough memory for loading the model/);
    assert.match(sentence, /smaller model\.$/);
  });
});

describe("memory that wasm keeps", () => {
  test("is given back after a large model, whose worker ends with it", async (t) => {
    const { page, run } = await openEngine(site, t, largeModel());
    /** @param {string} model */
    const load = async (model) => {
      await run(`await engine.load({ model: it, device: "cpu" })`, model);
      const workers = page.workers();
      assert.equal(workers.length, 1, model);
      return workers[0];
    };
    const worker = await load("small");
    assert.equal(await load("small"), worker, "small ones follow each other in it");
    assert.equal(await load("large"), worker);
    assert.notEqual(await load("small"), worker);
    const [chain] = await run(`return [await walk(it)]`, options);
    assert.equal(chain.length, options.numInferenceSteps);
  });
});

test("a load whose check takes long says again and again that it goes on", async (t) => {
  const { run } = await openEngine(site, t, largeModel());
  /** @type {string[]} */
  const said = await run(
    `await engine.load({ model: "large", device: "cpu" });
     const meanwhile = activities.length;
     await engine.predict({ xt: new Float32Array(3 * 32 * 32), count: 1, timestep: 500 });
     if (activities.length > meanwhile) throw new Error("a prediction is not a load");
     return activities;`,
  );
  const checks = said.filter((activity) => activity.startsWith("Checking the CPU"));
  assert.ok(checks.length > 1, said.join());
});

describe("numbers that are none", () => {
  test("stop the walk, and the page says at which step", async (t) => {
    const answers = await fixtureModel("huge", {
      // Finite, so it passes the check at start; x_0-hat is some fifty times as large.
      weights: (file) => scaleTensor(file, "conv_out.weight", 5e37),
      scheduler: { clip_sample: false },
    });
    const visitor = await site.visitWith(t, answers, "?device=cpu&model=huge#steps=10");
    await visitor.failure.waitFor();
    assert.match(
      (await visitor.failure.textContent()) ?? "",
      /^The walk stopped at step \d+ of 10, timestep \d+: .* holds (NaN|-?inf)/,
    );
    await visitor.page.getByRole("button", { name: "Try again" }).waitFor();
  });

  test("are refused in a single answer too", async (t) => {
    const run = await engineOn(t);
    const said = await run(
      `const x = new Float32Array(784).fill(3e38);
       return engine.denoise({ xt: x, count: 1, timestep: 7 }).then(() => "", (error) => error.message);`,
    );
    assert.match(said, /the network returned .* at timestep 7/);
  });
});

describe("a seed that is used again", () => {
  for (const model of ["small", "mnist"]) {
    test(`gives the same walk of ${model} to the bit after the page was loaded again`, async (t) => {
      const walks = [];
      for (let visit = 0; visit < 2; visit++) {
        const run = await engineOn(t, {}, model);
        walks.push(
          await run(`return walk(it)`, { ...options, label: model === "mnist" ? 3 : null }),
        );
      }
      assert.equal(walks[0].length, 6);
      assert.deepEqual(walks[0], walks[1]);
    });
  }
});
