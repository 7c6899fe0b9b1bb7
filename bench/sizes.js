// What a visitor downloads before the first step.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
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
    row("wasm and JS, brotli, CPU", "MB", await compressed(folder, code(cpu)), null, null, 0.45),
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
    const page = await browser.newPage();
    /** @type {Set<string>} */
    const files = new Set();
    page.context().on("request", (request) => {
      // The copy for visits without a connection is fetched afterwards, and is not waited for.
      if (request.serviceWorker() === null) files.add(new URL(request.url()).pathname);
    });
    await page.goto(`${server.url}?device=cpu`);
    await page.locator("#walk-back[data-revealed]").waitFor();
    return [...files].map((file) => (file === "/" ? "/index.html" : file));
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @param {string} folder @param {string[]} files */
async function compressed(folder, files) {
  let bytes = 0;
  for (const file of files)
    bytes += brotliCompressSync(await readFile(path.join(folder, file))).length;
  return bytes / MEGABYTE;
}
