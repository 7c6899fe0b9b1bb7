// Whatever is missing or broken, the page says so in a sentence.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { root } from "./helpers.js";
import { openSite } from "./site.js";

/** @typedef {import("./helpers.js").Answer} Answer */

const site = openSite();

/**
 * Opens the page on a server that answers some addresses differently, waits for its complaint, and
 * gives the sentence.
 * @param {import("node:test").TestContext} t
 * @param {import("./visitor.js").Arrival & { query?: string, instead?: Record<string, Answer> }} situation
 */
async function sentenceFor(t, { query, instead = {}, ...arrival }) {
  const visitor = await site.visitWith(t, instead, query, arrival);
  await visitor.failure.waitFor({ timeout: 60_000 });
  const sentence = (await visitor.failure.textContent()) ?? "";
  assert.match(sentence, /^\S.{15,}[.!?]$/s, "a sentence");
  assert.ok(await visitor.page.getByRole("heading", { level: 1 }).isVisible(), "and a page");
  return sentence;
}

const folder = "/pretrained/mnist";

describe("the page says what is wrong", () => {
  test("when WebGPU is asked for and not there", async (t) => {
    const sentence = await sentenceFor(t, { query: "?device=webgpu" });
    assert.match(sentence, /WebGPU/);
    assert.match(sentence, /device=webgpu/);
  });

  test("when the model does not exist", async (t) => {
    const sentence = await sentenceFor(t, { query: "?device=cpu&model=nowhere" });
    assert.match(sentence, /nowhere\/.*404/);
  });

  test("when the weights cannot be fetched", async (t) => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const sentence = await sentenceFor(t, { instead: { [weights]: { status: 503 } } });
    assert.match(sentence, /diffusion_pytorch_model\.safetensors could not be fetched.*503/);
  });

  for (const file of ["unet/config.json", "scheduler/scheduler_config.json"]) {
    test(`when ${file} cannot be fetched`, async (t) => {
      const sentence = await sentenceFor(t, {
        instead: { [`${folder}/${file}`]: { status: 500 } },
      });
      assert.ok(sentence.includes(`${file} could not be fetched`), sentence);
      assert.match(sentence, /500/);
    });
  }

  test("when the network's code cannot be fetched", async (t) => {
    const sentence = await sentenceFor(t, {
      instead: { "/web/pkg/cpu/walkback_bg.wasm": { status: 503 } },
    });
    assert.match(sentence, /walkback_bg\.wasm could not be fetched.*503/);
  });

  test("when the network's code is damaged", async (t) => {
    const sentence = await sentenceFor(t, {
      instead: { "/web/pkg/cpu/walkback_bg.wasm": { body: "<html>" } },
    });
    assert.match(sentence, /walkback_bg\.wasm cannot be used \(.+\)\. .*from another build/);
  });

  for (const file of ["walkback_bg.wasm", "config.json", "diffusion_pytorch_model.safetensors"]) {
    test(`when the connection breaks at ${file}`, async (t) => {
      const sentence = await sentenceFor(t, {
        prepare: (context) => context.route(`**/${file}`, (route) => route.abort()),
      });
      assert.ok(sentence.includes(`${file} could not be fetched`), sentence);
    });
  }

  test("when the weights are broken", async (t) => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const body = (await readFile(path.join(root, weights))).fill(0xff);
    const sentence = await sentenceFor(t, { instead: { [weights]: { body } } });
    assert.match(sentence, /The weights cannot be read.*a whole safetensors file/);
  });

  test("when the weights are cut short", async (t) => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const body = (await readFile(path.join(root, weights))).subarray(0, 100_000);
    const sentence = await sentenceFor(t, { instead: { [weights]: { body } } });
    assert.match(sentence, /parameters, more than the weights' 100000 bytes can hold/);
  });

  test("when the configuration is no JSON", async (t) => {
    const config = `${folder}/unet/config.json`;
    const sentence = await sentenceFor(t, { instead: { [config]: { body: "sample_size: 28" } } });
    assert.match(sentence, /unet\/config\.json cannot be read/);
  });

  test("when a web page stands in its place", async (t) => {
    const config = `${folder}/unet/config.json`;
    const sentence = await sentenceFor(t, { instead: { [config]: { body: "<html>" } } });
    assert.match(sentence, /unet\/config\.json could not be fetched: the server sent a web page/);
  });

  test("when the golden value is damaged", async (t) => {
    const sentence = await sentenceFor(t, {
      instead: { [`${folder}/golden.json`]: { body: '{"eps": "none"}' } },
    });
    assert.match(sentence, /golden\.json .* damaged/);
  });

  test("when the network does not give the golden value", async (t) => {
    const golden = JSON.parse(await readFile(path.join(root, folder, "golden.json"), "utf8"));
    golden.eps[0] += 0.5;
    const sentence = await sentenceFor(t, {
      instead: { [`${folder}/golden.json`]: { body: JSON.stringify(golden) } },
    });
    assert.match(sentence, /differs from its known value by 0\.5/);
  });

  test("when the page was never built", async (t) => {
    const sentence = await sentenceFor(t, {
      instead: { "/web/pkg/cpu/walkback.js": { status: 404 } },
    });
    assert.match(sentence, /walkback\.js could not be loaded \(.*fetch.*\)\. .*cargo xtask serve/);
  });

  test("when the library that draws plots cannot be used", async (t) => {
    const library = "/web/vendor/uPlot.js";
    /** @type {[Answer, RegExp][]} */
    const causes = [
      [{ status: 404 }, /^The plot could not be drawn \(.*uPlot\.js.*\)\.$/],
      [{ body: "throw new RangeError('no such language');" }, /\(no such language\)\.$/],
    ];
    for (const [answer, reason] of causes) {
      const visitor = await site.visitWith(t, { [library]: answer });
      await visitor.revealed();
      const plot = visitor.page.locator("#walk-back .plot .area");
      await visitor.until(async () => ((await plot.textContent()) ?? "") !== "");
      assert.match((await plot.textContent()) ?? "", reason);
    }
  });

  test("when the browser has no WebAssembly", async (t) => {
    const sentence = await sentenceFor(t, {
      prepare: (context) => context.addInitScript("delete globalThis.WebAssembly;"),
    });
    assert.match(sentence, /no WebAssembly/);
  });

  test("when the worker cannot be started", async (t) => {
    const sentence = await sentenceFor(t, { instead: { "/web/worker.js": { status: 404 } } });
    assert.match(sentence, /worker/);
  });
});

/**
 * A page with a GPU that seems real, and a WebGPU build with this body of `probe`.
 * @param {string} probe
 * @returns {Record<string, Answer>}
 */
const fakeGpu = (probe) => ({
  "/web/compute/gpu.js": {
    body: `export const findGpu = async () => ({ available: true, software: false, reason: "" });`,
  },
  "/web/pkg/webgpu/walkback_bg.wasm": { body: Buffer.alloc(8) },
  "/web/pkg/webgpu/walkback.js": {
    body: `export default async () => {};
      export const checkModelIndex = () => {};
      export class Model {
        info = { device: "webgpu", notes: [], parameters: 1, imageSize: [28, 28] };
        static load = async () => new Model();
        async probe() { ${probe} }
        probeOnCpu = () => new Float32Array(28 * 28).fill(1);
        free() {}
      }`,
  },
});

describe("a GPU that fails", () => {
  const failing = {
    "computes nothing": {
      probe: "return new Float32Array(28 * 28);",
      says: /eps-hat of the model "mnist" differs from its known value by \d/,
    },
    "gives infinities": {
      probe: "return Float32Array.of(Infinity);",
      says: /the model "mnist" returns numbers that are not finite/i,
    },
    throws: {
      probe: "throw new Error('the device was lost');",
      says: /the device was lost/i,
    },
  };
  for (const [what, { probe, says }] of Object.entries(failing)) {
    test(`and ${what} is left to the CPU with a message`, async (t) => {
      const visitor = await site.visitWith(t, fakeGpu(probe), "");
      await visitor.revealed();
      assert.equal(await visitor.reads("computed on"), "CPU");
      const notice = visitor.page.getByText(/, so the CPU computes\.$/);
      assert.match((await notice.textContent()) ?? "", says);
    });

    test(`and ${what} is an error where the GPU is asked for by name`, async (t) => {
      const situation = { query: "?device=webgpu", instead: fakeGpu(probe) };
      const sentence = await sentenceFor(t, situation);
      assert.match(sentence, says);
      assert.doesNotMatch(sentence, /CPU computes/);
    });
  }

  test("with parameters in float16 is checked again with parameters in float32", async (t) => {
    const answers = fakeGpu("");
    answers["/web/pkg/webgpu/walkback.js"] = {
      body: `export default async () => {};
        export const checkModelIndex = () => {};
        export class Model {
          info = { device: "webgpu", notes: [], parameters: 1, imageSize: [28, 28] };
          static load = async (...[, , , , inSingle]) => {
            const model = new Model();
            model.inHalf = !inSingle;
            return model;
          };
          async probe() {
            if (this.inHalf) return new Float32Array(28 * 28);
            throw new Error("float32 was tried");
          }
          free() {}
        }`,
    };
    const visitor = await site.visitWith(t, answers, "");
    await visitor.page.getByText(/float32 was tried.*so the CPU computes/).waitFor();
  });

  test("is detected by the CPU where the folder has no golden value", async (t) => {
    const answers = {
      ...fakeGpu("return new Float32Array(28 * 28);"),
      "/pretrained/mnist/golden.json": { status: 404 },
    };
    const visitor = await site.visitWith(t, answers, "");
    await visitor.revealed();
    await visitor.page.getByText(/did not pass the check.*so the CPU computes/).waitFor();
  });
});

test("a model that a lost GPU loads too late is freed", async (t) => {
  const answers = fakeGpu("");
  // Lost while the model is loaded; the crate finds that out by and by.
  answers["/web/compute/gpu-watch.js"] = {
    body: `export class GpuRefusal extends Error {}
      export let lose;
      export const gpuLost = new Promise((resolve) => (lose = resolve));
      export const gpuIsLost = async () => false;
      export const doneInFull = async (work) => work();
      export const watchGpu = () => {};`,
  };
  answers["/web/pkg/webgpu/walkback.js"] = {
    body: `import { lose } from "/web/compute/gpu-watch.js";
      const told = new BroadcastChannel("freed");
      export default async () => {};
      export const checkModelIndex = () => {};
      export class Model {
        info = { device: "webgpu", adapter: "", classes: [], notes: [], parameters: 1, imageSize: [28, 28] };
        static async load() {
          lose("reset");
          await new Promise((resolve) => setTimeout(resolve, 100));
          return new Model();
        }
        async probe() {
          const golden = await fetch("/pretrained/mnist/golden.json");
          return (this.answer = Float32Array.from((await golden.json()).eps));
        }
        probeOnCpu = () => this.answer;
        schedule() { return { betas: new Float64Array(), alphasCumprod: new Float64Array() }; }
        free() { told.postMessage("freed"); }
      }`,
  };
  const visitor = await site.visitWith(t, answers, "", {
    prepare: (context) =>
      context.addInitScript(() => {
        const freed = { count: 0 };
        new BroadcastChannel("freed").onmessage = () => (freed.count += 1);
        Object.assign(globalThis, { freed });
      }),
  });
  await visitor.revealed();
  await visitor.page.getByText(/the GPU was lost: reset.*so the CPU computes/).waitFor();
  await visitor.until(async () => (await visitor.page.evaluate("freed.count")) > 0);
  assert.equal(await visitor.page.evaluate("freed.count"), 1);
});

test("the way out of a missing GPU leads to the same model and walk", async (t) => {
  const model = "tests/conformance/plain/";
  const address = `?device=webgpu&model=${model}#steps=10&seed=7&at=2`;
  const visitor = await site.visitWith(t, {}, address, { reducedMotion: "reduce" });
  await visitor.page.getByRole("link", { name: "Compute on the CPU instead" }).click();
  await visitor.revealed();
  await visitor.rests(2);
  assert.equal(await visitor.reads("computed on"), "CPU");
  assert.equal(await visitor.seed.inputValue(), "7");
  assert.equal(new URL(visitor.page.url()).searchParams.get("model"), model);
  await visitor.page.getByText(/It comes from this site/).waitFor();
});
