// What a visitor downloads before the first step.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import { askedBeforeFirstStep } from "../tests/browser/first-step.js";
import { launch, root, serve } from "../tests/browser/helpers.js";
import { row } from "./table.js";

const MEGABYTE = 1e6;

/** Files by what the page itself asks for, on its way to the first step. @param {string} modules the published folder */
export async function measureSizes(modules) {
  const folder = path.join(root, modules);
  const cpu = await requested(folder);
  // The path through WebGPU asks for the same, but the other module.
  const webgpu = cpu.map((file) => file.replace("/pkg/cpu/", "/pkg/webgpu/"));
  const code = (/** @type {string[]} */ files) => files.filter((file) => /\.(wasm|js)$/.test(file));
  /** What who teaches downloads beside that. @param {string} module */
  const learns = (module) =>
    ["walkback.js", "walkback_bg.wasm"].map((file) => `/web/pkg/${module}/${file}`);
  const weights = cpu.filter((file) => file.endsWith(".safetensors"));
  return [
    row(
      "wasm and JS, brotli, WebGPU",
      "MB",
      await compressed(folder, code(webgpu)),
      null,
      null,
      1.6,
    ),
    row("wasm and JS, brotli, CPU", "MB", await compressed(folder, code(cpu)), null, null, 0.4),
    row(
      "the module that learns, brotli, WebGPU",
      "MB",
      await compressed(folder, learns("learn-webgpu")),
      null,
      null,
    ),
    row(
      "the module that learns, brotli, CPU",
      "MB",
      await compressed(folder, learns("learn")),
      null,
      null,
    ),
    row("weights, brotli", "MB", await compressed(folder, weights), null, null),
    row(
      "all files until the first step, brotli, CPU",
      "MB",
      await compressed(folder, cpu),
      null,
      null,
    ),
    row("their number", "", cpu.length, null, null),
  ];
}

/** @param {string} folder @returns {Promise<string[]>} paths in the folder, up to the first denoised frame */
async function requested(folder) {
  const server = await serve({}, { folder });
  const browser = await launch({ webgpu: false });
  try {
    // What is kept for visits without a connection is fetched behind all this, and holds up nothing.
    const context = await browser.newContext({ serviceWorkers: "block" });
    const files = await askedBeforeFirstStep(context, `${server.url}?device=cpu`);
    return files.map((file) => (file === "/" ? "/index.html" : file));
  } finally {
    await browser.close();
    await server.close();
  }
}

/** The size of each file that was compressed, because that takes long. @type {Map<string, number>} */
const sizes = new Map();

/** @param {string} folder @param {string[]} files */
async function compressed(folder, files) {
  let bytes = 0;
  for (const file of files) {
    const address = path.join(folder, file);
    const size = sizes.get(address) ?? brotliCompressSync(await readFile(address)).length;
    sizes.set(address, size);
    bytes += size;
  }
  return bytes / MEGABYTE;
}
