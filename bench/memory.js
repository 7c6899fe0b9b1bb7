// The most memory that a browser takes to load a network and evaluate it: with walkback and with ONNX Runtime Web in turn,
// each in one worker of a browser of its own.

import { readFile } from "node:fs/promises";
import { launch, serve } from "../tests/browser/helpers.js";
import { bodies, openPage } from "./browser.js";
import { NETWORKS, SEED } from "./networks.js";
import { median, row } from "./table.js";

const FULL = { rounds: 3, batches: [1, 16] };
const QUICK = { rounds: 1, batches: [1] };

/** @typedef {"walkback" | "onnxruntime"} EngineName */

/** @param {{ modules: string, quick: boolean }} options */
export async function measureMemory({ modules, quick }) {
  if (process.platform !== "linux") {
    console.log("    peak memory: only Linux says it of a process, left out");
    return [];
  }
  const plan = quick ? QUICK : FULL;
  const rows = [];
  for (const network of NETWORKS) {
    const folder = network.folder ?? "bench/drawn";
    const server = await serve(await bodies(folder, network));
    try {
      /** @type {Record<EngineName, number[][]>} */
      const peaks = { walkback: [], onnxruntime: [] };
      for (let round = 0; round < plan.rounds; round++) {
        for (const [engine, list] of Object.entries(peaks)) {
          const load = { modules, folder, engine: /** @type {EngineName} */ (engine) };
          list.push(await peaksOf(server.url, load, plan.batches));
        }
      }
      const seed = network.config === undefined ? "" : `, seed ${SEED}`;
      for (const [i, count] of plan.batches.entries()) {
        const of = (/** @type {number[][]} */ list) => median(list.map((peak) => peak[i] ?? NaN));
        const what = `peak memory, CPU, batch ${count}, ${network.name}${seed}`;
        rows.push(row(what, "MB", of(peaks.walkback), of(peaks.onnxruntime), 1));
      }
    } finally {
      await server.close();
    }
  }
  return rows;
}

/**
 * In megabytes, beyond what the page took before its worker began; after a step of each batch size, the smallest first.
 * @param {string} url
 * @param {{ engine: EngineName, folder: string, modules: string }} load
 * @param {number[]} batches
 */
async function peaksOf(url, load, batches) {
  const browser = await launch({ webgpu: false });
  try {
    const ask = await openPage(browser, url);
    const before = await peak(browser);
    await ask("engine", { method: "load", device: "cpu", ...load });
    const peaks = [];
    for (const count of batches) {
      await ask("engine", { method: "step", count });
      peaks.push((await peak(browser)) - before);
    }
    return peaks;
  } finally {
    await browser.close();
  }
}

/** The most memory that the page's process has held so far, in megabytes. @param {import("playwright-core").Browser} browser */
async function peak(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const held = await Promise.all(
    processInfo.filter(({ type }) => type === "renderer").map(({ id }) => heldBy(id)),
  );
  // The other renderer, if there is one, is a spare without a page.
  return Math.max(...held);
}

/** @param {number} id of a process */
async function heldBy(id) {
  const status = await readFile(`/proc/${id}/status`, "utf8");
  return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}
