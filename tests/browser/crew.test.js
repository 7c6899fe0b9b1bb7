// Several workers with the model, on the CPU: they share the walks of a wall, and nobody sees a difference in the images.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { roomFor } from "../../web/client/crew.js";
import { fixtureModel, fragileWorker } from "./faults.js";
import { openSite } from "./site.js";

const site = openSite();

/** A processor of two cores, and in `holders` the workers that were given a model and not ended. */
const TWO_CORES = () => {
  Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => 2 });
  const holders = new Set();
  const { postMessage, terminate } = Worker.prototype;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message.method === "load") holders.add(this);
    return postMessage.call(this, message, .../** @type {any} */ (rest));
  };
  Worker.prototype.terminate = function () {
    holders.delete(this);
    return terminate.call(this);
  };
  Object.assign(globalThis, { holders });
};

/** @param {import("playwright-core").Page} page */
const holders = (page) => page.evaluate(() => /** @type {any} */ (globalThis).holders.size);

/**
 * The engine with a model, and in `wall(how)` a small wall that it walks; `two()` resolves once two workers have the model.
 * @param {import("node:test").TestContext} t
 * @param {string} model
 */
async function openWall(t, model) {
  const answers = { ...(await fixtureModel("small")), ...(await fragileWorker()) };
  const visitor = await site.visitWith(t, answers, "tests/browser/steady.html", {
    prepare: (context) => context.addInitScript(TWO_CORES),
  });
  const { page } = visitor;
  await page.waitForFunction("globalThis.engine !== undefined");
  await page.evaluate(async (model) => {
    const { engine } = /** @type {any} */ (globalThis);
    const path = new URL("/web/figures/wall/walk.js", location.href).href;
    const { walkWall } = await import(path);
    const { info } = await engine.load({ model, device: "cpu" });
    const size = info.imageSize[0] * info.imageSize[1] * info.channels;
    const { signal } = new AbortController();
    const two = async () => {
      while (engine.workers < 2) {
        await engine.share([{}, {}], {
          signal,
          ready: async () => {},
          work: () => engine.timeEmbeddings({ timesteps: Uint32Array.of(1) }),
        });
      }
    };
    /** @param {(step: number) => unknown} [before] awaited before each piece of a step */
    const wall = async (before = () => {}) => {
      const count = 12;
      const images = new Float32Array(count * size);
      let step = 1;
      let taken = 0;
      const options = {
        seed: 3,
        count,
        labels: info.classes.length === 0 ? null : Array.from({ length: count }, (_, i) => i % 10),
        guidanceScale: info.nullLabel === null ? 1 : 2,
        numInferenceSteps: 4,
        batch: 3,
      };
      const actions = {
        ready: async () => void (await before(step)),
        begun() {},
        /** @param {number} first @param {Float32Array} xPrev */
        advanced(first, xPrev) {
          images.set(xPrev, first * size);
          taken += 1;
        },
        /** @param {number} done */
        swept: (done) => (step = done + 1),
      };
      await walkWall(engine, options, actions, signal);
      return { images: Array.from(images), taken, steps: step - 1 };
    };
    Object.assign(globalThis, { two, wall });
  }, model);
  return visitor;
}

describe("a wall of images", () => {
  for (const model of ["small", "mnist"]) {
    test(`of ${model} is the same to the bit with two workers as with one`, async (t) => {
      const { page } = await openWall(t, model);
      const { one, other, steps } = await page.evaluate(async () => {
        const { engine, two, wall } = /** @type {any} */ (globalThis);
        /** The steps that each worker was asked for. @type {Map<Worker, number>} */
        const steps = new Map();
        const { postMessage } = Worker.prototype;
        Worker.prototype.postMessage = function (message, ...rest) {
          if (message.method === "step") steps.set(this, (steps.get(this) ?? 0) + 1);
          return postMessage.call(this, message, .../** @type {any} */ (rest));
        };
        const { share } = engine;
        // In order, by the engine's own worker.
        engine.share = async (/** @type {object[]} */ pieces, /** @type {any} */ { work }) => {
          for (const piece of pieces) await work(piece, null);
        };
        const one = await wall();
        engine.share = share;
        await two();
        steps.clear();
        return { one, other: await wall(), steps: [...steps.values()] };
      });
      assert.equal(steps.length, 2, "both workers walk");
      assert.ok(
        steps.every((taken) => taken > 1),
        String(steps),
      );
      assert.deepEqual([other.taken, other.steps], [16, 4]);
      assert.deepEqual(other, one);
    });
  }

  test("is whole where a worker breaks down, and the engine's own does the rest", async (t) => {
    const { page } = await openWall(t, "small");
    const whole = await page.evaluate("wall()");
    await page.evaluate(async () => {
      const { engine, two, wall } = /** @type {any} */ (globalThis);
      const held = new Promise((resolve) => Object.assign(globalThis, { goOn: resolve }));
      await two();
      // Work that does not end, so that nobody is idle.
      const { signal } = new AbortController();
      engine.share([{}], { signal, ready: async () => {}, work: () => held });
      // Between the first step and the second.
      await new Promise((resolve) => {
        const rest = wall((/** @type {number} */ step) =>
          step < 2 ? null : (resolve(step), held),
        );
        Object.assign(globalThis, { rest });
      });
    });
    assert.equal(await holders(page), 2);
    await page.workers().at(-1)?.evaluate("corrupt()");
    await page.evaluate("goOn()");
    assert.deepEqual(await page.evaluate("rest"), whole);
    assert.equal(await page.evaluate("engine.workers"), 1);
    assert.deepEqual(await page.evaluate("changes"), [], "nobody needs to know");
    assert.equal(await holders(page), 1);
    // Where one broke down, another would.
    assert.deepEqual(await page.evaluate("wall()"), whole);
    assert.equal(await holders(page), 1);
  });

  test("is whole where no second worker gets the model", async (t) => {
    const { page } = await openWall(t, "small");
    await page.route("**/*.safetensors", (route) => route.fulfill({ status: 503 }));
    const asked = page.waitForRequest("**/*.safetensors");
    const { taken } = await page.evaluate(() => /** @type {any} */ (globalThis).wall());
    assert.equal(taken, 16);
    await asked;
    await page.waitForFunction("holders.size === 1");
    assert.equal(await page.evaluate("engine.workers"), 1);
  });

  test("keeps no second worker once it is done for a while, and gets one again", async (t) => {
    const { page } = await openWall(t, "small");
    const whole = await page.evaluate("wall()");
    await page.evaluate("two()");
    await page.waitForFunction("holders.size === 1");
    assert.equal(await page.evaluate("engine.workers"), 1);
    await page.evaluate("two()");
    assert.equal(await holders(page), 2);
    assert.deepEqual(await page.evaluate("wall()"), whole);
  });
});

test("a wall that is out of sight keeps no second worker, and one in sight has it", async () => {
  const visitor = await site.visit(`?device=cpu#steps=10&wall.steps=50`, {
    prepare: (context) => context.addInitScript(TWO_CORES),
  });
  const { page } = visitor;
  assert.equal(await holders(page), 1, "no figure before it needs a second one");
  await visitor.goTo("A wall of digits");
  await visitor.until(async () => (await visitor.reads("images at once")) === "2 × 10");
  assert.equal(await holders(page), 2);
  await page.evaluate(() => scrollTo(0, 0));
  await visitor.until(async () => (await holders(page)) === 1);
  await visitor.goTo("A wall of digits");
  await visitor.until(async () => (await holders(page)) === 2);
  await visitor.leave();
});

describe("the workers beside the first", () => {
  /** @param {number} cores @param {Partial<import("../../web/protocol/messages.js").ModelInfo>} info */
  function room(cores, info) {
    const value = { hardwareConcurrency: cores };
    Object.defineProperty(globalThis, "navigator", { configurable: true, value });
    return roomFor(/** @type {any} */ ({ device: "cpu", parameters: 2e6, ...info }));
  }

  test("are as many as there are cores left, and three at most", () => {
    assert.deepEqual(
      [1, 2, 3, 4, 16].map((count) => room(count, {})),
      [0, 1, 2, 3, 3],
    );
  });

  test("are none on a GPU", () => {
    assert.equal(room(16, { device: "webgpu" }), 0);
  });

  test("are fewer for a larger model, and none for one that fills the memory", () => {
    assert.deepEqual(
      [2e6, 1e7, 1.85e7, 3.57e7].map((parameters) => room(16, { parameters })),
      [3, 3, 1, 0],
    );
  });
});
