// Whatever is missing or broken, the page says so in a sentence.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, root, serve } from "./helpers.js";
import { Visitor } from "./visitor.js";

/** @typedef {import("./helpers.js").Answer} Answer */

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  browser = await launch({ webgpu: false });
});

after(async () => {
  await browser?.close();
});

/**
 * Opens the page on a server that answers some addresses differently, waits for its complaint, and
 * gives the sentence.
 * @param {{ query?: string, instead?: Record<string, Answer>, script?: string, unreachable?: string }} situation
 */
async function sentenceFor({ query = "?device=cpu", instead = {}, script = "", unreachable = "" }) {
  const server = await serve(instead);
  const context = await browser.newContext();
  try {
    if (script !== "") await context.addInitScript(script);
    if (unreachable !== "") await context.route(unreachable, (route) => route.abort());
    const visitor = new Visitor(await context.newPage());
    await visitor.page.goto(server.url + query);
    await visitor.failure.waitFor({ timeout: 60_000 });
    const sentence = (await visitor.failure.textContent()) ?? "";
    assert.match(sentence, /^\S.{15,}[.!?]$/s, "a sentence");
    assert.ok(await visitor.page.getByRole("heading", { level: 1 }).isVisible(), "and a page");
    return sentence;
  } finally {
    await context.close();
    await server.close();
  }
}

const folder = "/pretrained/mnist";

describe("the page says what is wrong", () => {
  test("when WebGPU is asked for and not there", async () => {
    const sentence = await sentenceFor({ query: "?device=webgpu" });
    assert.match(sentence, /WebGPU/);
    assert.match(sentence, /device=webgpu/);
  });

  test("when the model does not exist", async () => {
    const sentence = await sentenceFor({ query: "?device=cpu&model=nowhere" });
    assert.match(sentence, /nowhere\/.*404/);
  });

  test("when the weights cannot be fetched", async () => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const sentence = await sentenceFor({ instead: { [weights]: { status: 503 } } });
    assert.match(sentence, /diffusion_pytorch_model\.safetensors could not be fetched.*503/);
  });

  for (const file of ["unet/config.json", "scheduler/scheduler_config.json"]) {
    test(`when ${file} cannot be fetched`, async () => {
      const sentence = await sentenceFor({ instead: { [`${folder}/${file}`]: { status: 500 } } });
      assert.ok(sentence.includes(`${file} could not be fetched`), sentence);
      assert.match(sentence, /500/);
    });
  }

  test("when the network's code cannot be fetched", async () => {
    const sentence = await sentenceFor({
      instead: { "/web/pkg/cpu/walkback_bg.wasm": { status: 503 } },
    });
    assert.match(sentence, /walkback_bg\.wasm could not be fetched.*503/);
  });

  test("when the network's code is damaged", async () => {
    const sentence = await sentenceFor({
      instead: { "/web/pkg/cpu/walkback_bg.wasm": { body: "<html>" } },
    });
    assert.match(sentence, /walkback_bg\.wasm is damaged/);
  });

  for (const file of ["walkback_bg.wasm", "config.json", "diffusion_pytorch_model.safetensors"]) {
    test(`when the connection breaks at ${file}`, async () => {
      const sentence = await sentenceFor({ unreachable: `**/${file}` });
      assert.ok(sentence.includes(`${file} could not be fetched`), sentence);
    });
  }

  test("when the weights are broken", async () => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const body = (await readFile(path.join(root, weights))).fill(0xff);
    const sentence = await sentenceFor({ instead: { [weights]: { body } } });
    assert.match(sentence, /The weights cannot be read.*a whole safetensors file/);
  });

  test("when the weights are cut short", async () => {
    const weights = `${folder}/unet/diffusion_pytorch_model.safetensors`;
    const body = (await readFile(path.join(root, weights))).subarray(0, 100_000);
    const sentence = await sentenceFor({ instead: { [weights]: { body } } });
    assert.match(sentence, /parameters, more than the weights' 100000 bytes can hold/);
  });

  test("when the configuration is no JSON", async () => {
    const sentence = await sentenceFor({
      instead: { [`${folder}/unet/config.json`]: { body: "<html>" } },
    });
    assert.match(sentence, /unet\/config\.json cannot be read/);
  });

  test("when the golden value is damaged", async () => {
    const sentence = await sentenceFor({
      instead: { [`${folder}/golden.json`]: { body: '{"eps": "none"}' } },
    });
    assert.match(sentence, /golden\.json .* damaged/);
  });

  test("when the network does not give the golden value", async () => {
    const golden = JSON.parse(await readFile(path.join(root, folder, "golden.json"), "utf8"));
    golden.eps[0] += 0.5;
    const sentence = await sentenceFor({
      instead: { [`${folder}/golden.json`]: { body: JSON.stringify(golden) } },
    });
    assert.match(sentence, /differs from its known value by 0\.5/);
  });

  test("when the page was never built", async () => {
    const sentence = await sentenceFor({
      instead: { "/web/pkg/cpu/walkback.js": { status: 404 } },
    });
    assert.match(sentence, /cargo xtask serve/);
  });

  test("when the browser has no WebAssembly", async () => {
    const sentence = await sentenceFor({ script: "delete globalThis.WebAssembly;" });
    assert.match(sentence, /no WebAssembly/);
  });

  test("when the worker cannot be started", async () => {
    const sentence = await sentenceFor({ instead: { "/web/worker.js": { status: 404 } } });
    assert.match(sentence, /worker/);
  });
});

/**
 * A page with a GPU that seems real, and a WebGPU build with this body of `probe`.
 * @param {string} probe
 * @returns {Record<string, Answer>}
 */
const fakeGpu = (probe) => ({
  "/web/gpu.js": {
    body: `export const findGpu = async () => ({ available: true, software: false, reason: "" });`,
  },
  "/web/pkg/webgpu/walkback_bg.wasm": { body: Buffer.alloc(8) },
  "/web/pkg/webgpu/walkback.js": {
    body: `export default async () => {};
      export class Model {
        info = { device: "webgpu" };
        static load = async () => new Model();
        async probe() { ${probe} }
        free() {}
      }`,
  },
});

describe("a GPU that fails", () => {
  const failing = {
    "computes nothing": { probe: "return new Float32Array(28 * 28);", says: /did not pass/ },
    "gives infinities": { probe: "return Float32Array.of(Infinity);", says: /not finite/ },
    throws: { probe: "throw new Error('the device was lost');", says: /the device was lost/ },
  };
  for (const [what, { probe, says }] of Object.entries(failing)) {
    test(`and ${what} is left to the CPU with a message`, async (t) => {
      const server = await serve(fakeGpu(probe));
      t.after(server.close);
      const visitor = new Visitor(await browser.newPage());
      await visitor.page.goto(server.url);
      await visitor.revealed();
      assert.equal(await visitor.reads("computed on"), "CPU");
      const notice = visitor.page.getByText(/, so the CPU computes\.$/);
      assert.match((await notice.textContent()) ?? "", says);
      await visitor.page.context().close();
    });

    test(`and ${what} is an error where the GPU is asked for by name`, async () => {
      const sentence = await sentenceFor({ query: "?device=webgpu", instead: fakeGpu(probe) });
      assert.doesNotMatch(sentence, /CPU computes/);
    });
  }

  test("is found out by the CPU where the folder has no golden value", async (t) => {
    const server = await serve({
      ...fakeGpu("return new Float32Array(28 * 28);"),
      "/pretrained/mnist/golden.json": { status: 404 },
    });
    t.after(server.close);
    const visitor = new Visitor(await browser.newPage());
    await visitor.page.goto(server.url);
    await visitor.revealed();
    await visitor.page.getByText(/did not pass the check.*so the CPU computes/).waitFor();
    await visitor.page.context().close();
  });
});

test("the way out of a missing GPU leads to the same model and walk", async (t) => {
  const server = await serve();
  t.after(server.close);
  const visitor = new Visitor(await browser.newPage({ reducedMotion: "reduce" }));
  const model = "tests/conformance/plain/";
  await visitor.page.goto(`${server.url}?device=webgpu&model=${model}#steps=10&seed=7&at=2`);
  await visitor.page.getByRole("link", { name: "Compute on the CPU instead" }).click();
  await visitor.revealed();
  await visitor.rests(2);
  assert.equal(await visitor.reads("computed on"), "CPU");
  assert.equal(await visitor.seed.inputValue(), "7");
  assert.equal(new URL(visitor.page.url()).searchParams.get("model"), model);
  await visitor.page.getByText(/It comes from this site/).waitFor();
  await visitor.page.context().close();
});
