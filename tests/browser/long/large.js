// A large model folder, opened in the page: what the page says, when, and the memory that it takes. By hand, after a build, on
// Linux:
//
//   CHROME=... node tests/browser/long/large.js DIR [--steps 2] [--device webgpu] [--piece BYTES]
//
// Where it computes on WebGPU, SwiftShader does, and gives no more than so many bytes in one piece.
//
// The folder is dropped onto the page, and the walk makes steps. Every sentence that appears is printed with its time, and so
// is the most memory that the page's own process had resident.

import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { fragileWorker } from "../faults.js";
import { launch, serve } from "../helpers.js";
import { drop } from "../models.js";

/** A step of the largest takes a minute where other things run as well. */
const PATIENCE = 600_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "2" },
    device: { type: "string", default: "cpu" },
    piece: { type: "string" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("give a model folder; the first lines say more");
const steps = Number(values.steps);

/** The most memory of each process of the browser, in MB, the largest first. */
async function memory() {
  const found = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const read = (/** @type {string} */ file) =>
      readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if (!(await read("cmdline")).includes("--type=renderer")) continue;
    const status = await read("status");
    const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1];
    if (peak !== undefined) found.push(Math.round(Number(peak) / 1024));
  }
  return found.sort((a, b) => b - a);
}

const { device, piece } = values;
const server = await serve(
  piece === undefined ? {} : await fragileWorker({ piece: Number(piece) }),
);
const browser = await launch({ webgpu: device === "webgpu" });
const began = Date.now();
/** @param {string} text */
const log = (text) =>
  console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);
try {
  const page = await browser.newPage({ reducedMotion: "reduce", serviceWorkers: "block" });
  page.on("pageerror", (error) => log(`exception: ${error.message}`));
  page.on("crash", () => log("the page crashed"));
  await page.goto(`${server.url}?device=${device}`);
  const hero = page.getByRole("region", { name: "Walk back", exact: true });
  await hero.getByRole("img", { name: /^The network's guess/ }).waitFor({ timeout: PATIENCE });
  log(`the page's own model is there; memory ${(await memory())[0]} MB`);
  await page.exposeFunction("said", log);
  await page.evaluate(() => {
    /** @type {Record<string, string>} */
    const before = {};
    const look = () => {
      for (const [what, where] of Object.entries({
        bar: "#model-bar",
        loading: "#loading",
        notice: "#notice",
        part: ".busy-part",
      })) {
        const found = document.querySelector(where);
        const shown =
          found instanceof HTMLElement && found.checkVisibility() ? found.innerText : "";
        if (shown === before[what]) continue;
        before[what] = shown;
        if (shown !== "") Object(globalThis).said(`${what}: ${shown.replace(/\s+/g, " ")}`);
      }
    };
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
  });
  await drop(page, path.resolve(folder));
  const bar = page.getByRole("group", { name: "The model" });
  // Hidden where a menu of several models says it.
  const name = bar.locator("strong", { hasText: path.basename(folder) });
  await name.waitFor({ state: "attached", timeout: PATIENCE });
  log(`the model is open; memory ${(await memory())[0]} MB`);
  await hero.getByRole("img", { name: /^The network's guess/ }).waitFor({ timeout: PATIENCE });
  log(`its first guess is there; memory ${(await memory())[0]} MB`);
  for (let step = 1; step <= steps; step++) {
    await hero.getByRole("button", { name: "One step", exact: true }).click();
    const stepped = new RegExp(`^The noisy image.*step ${step} of`);
    await hero.getByRole("img", { name: stepped }).waitFor({ timeout: PATIENCE });
    log(`step ${step}; memory ${(await memory())[0]} MB`);
  }
} finally {
  await browser.close();
  await server.close();
}
