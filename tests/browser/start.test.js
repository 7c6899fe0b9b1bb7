// What a visitor waits for until the first step: only what it needs, in a form that the browser can keep.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { askedBeforeFirstStep } from "./first-step.js";
import { DRAFT, launch, serve } from "./helpers.js";
import { arrive } from "./visitor.js";

const folder = DRAFT + path.sep;

/** What the first step needs beside the scripts that lie in web/ itself, which are bundles. */
const NEEDED = [
  /^\/(pretrained\/models\.json)?$/,
  /^\/pretrained\/mnist\//,
  /^\/web\/icon\.svg$/,
  /^\/web\/(styles|vendor)\/[\w-]+\.css$/,
  /^\/web\/figures\/plane\.css$/,
  /^\/web\/pkg\/cpu\/walkback(_bg\.wasm|\.js)$/,
  /^\/web\/(main|worker|walk-back-\w+|plane-\w+|chunk-\w+)\.js$/,
];

/** What stands in the code of each part that is loaded after the first step, or when it is asked for. */
const LATER = {
  "models of the hub": "is an address of the hub, but not of a model",
  "a model in a folder": "among the files (",
  "files that are dropped": "a model has about a dozen",
  "a zip": "could not be unpacked within",
  "the dialog that opens a model": "This browser cannot choose a folder",
  "asking before a fetch from elsewhere": "Fetch a model from ",
  "class names": "Name the classes",
  "the size of images": "How large are its images?",
  "what a model leaves open": "Four channels, shown as",
  "a picture that is dropped beside a figure": "cannot read the file as an image",
  help: "Keys of a single character",
  "lines of the source": "crate/src/noise.rs",
  printing: "beforeprint",
  "what a word means": "hidePopover",
  "drawing a plot": "devicePixelRatio",
  "the library of plots": "u-legend",
  "the page's digits": "test-digits-idx3-ubyte.gz",
  "more workers": "deviceMemory",
  "turns of embeds": "wanted at once",
};

/** The bundled scripts among some paths of the published folder, as one text. @param {string[]} paths */
async function scripts(paths) {
  const names = paths.filter((name) => /^\/web\/[^/]+\.js$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")));
  return texts.join("\n");
}

test("before the first step the page asks for nothing that only later ones need", async (t) => {
  const { url, close } = await serve({}, { folder });
  t.after(close);
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  // What is kept for visits without a connection is fetched behind all this.
  const context = await browser.newContext({ serviceWorkers: "block" });
  const asked = await askedBeforeFirstStep(context, `${url}?device=cpu`);
  assert.ok(asked.includes("/web/pkg/cpu/walkback_bg.wasm"), "workers are heard too");
  assert.deepEqual(
    asked.filter((address) => !NEEDED.some((needed) => needed.test(address))),
    [],
  );
  const before = await scripts(asked);
  const names = await readdir(path.join(folder, "web"));
  const all = await scripts(names.map((name) => `/web/${name}`));
  for (const [part, words] of Object.entries(LATER)) {
    assert.ok(all.includes(words), `${part}: "${words}" stands somewhere`);
    assert.ok(!before.includes(words), `${part} is not loaded before the first step`);
  }
});

test("the browser gets the answer with the network's code as it came, for which it keeps what it compiles", async (t) => {
  const glue = `export default async ({ module_or_path: { url } }) => {
    throw new Error("The answer came from " + (url === "" ? "nowhere" : url));
  }`;
  const instead = { "/web/pkg/cpu/walkback.js": { body: glue } };
  const { url, close } = await serve(instead);
  t.after(close);
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  const visitor = await arrive(browser, `${url}?device=cpu`);
  await visitor.failure.waitFor();
  const sentence = (await visitor.failure.textContent()) ?? "";
  assert.ok(sentence.includes(`came from ${url}web/pkg/cpu/walkback_bg.wasm`), sentence);
});

test("a connection that breaks off in the middle of the network's code is tried again", async (t) => {
  const files = await serve({}, { folder });
  t.after(files.close);
  let broken = 0;
  const server = createServer(async (request, response) => {
    const wanted = new URL(request.url ?? "/", files.url);
    // A connection that was kept may have been closed by then.
    const answer = await fetch(wanted).catch(() => fetch(wanted));
    const body = Buffer.from(await answer.arrayBuffer());
    const type = answer.headers.get("content-type") ?? "";
    const headers = { "content-type": type, "content-length": body.length };
    response.writeHead(answer.status, headers);
    if (request.url?.endsWith("/cpu/walkback_bg.wasm") && broken === 0) {
      broken += 1;
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
    } else response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  const visitor = await arrive(browser, `http://127.0.0.1:${port}/?device=cpu`);
  await visitor.page.locator("#walk-back[data-revealed]").waitFor();
  assert.equal(broken, 1);
});
