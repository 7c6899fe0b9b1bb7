// What is measured in Chromium: the page's modules in turn with ONNX Runtime Web, on the CPU and on WebGPU.

import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { launch, launchWithProfile, root, serve } from "../tests/browser/helpers.js";
import { median, row } from "./table.js";

/** The network that both engines have, and the shipped one. */
const COMMON = "tests/conformance/plain";
const SHIPPED = "pretrained/mnist";
/** Steps before any is timed, and steps timed; on WebGPU in software a batch takes long. */
const FULL = { warm: 3, timed: 10, timedBatchesOnWebgpu: 3 };
const QUICK = { warm: 1, timed: 3, timedBatchesOnWebgpu: 0 };

/** @typedef {import("./worker.js").Question} Question */
/** @typedef {import("./gpu-recorder.js").Counts} Counts */
/** @typedef {{ milliseconds: number, counts: Counts, output: number[] }} Answer */

/**
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {boolean} options.quick fewer steps
 */
export async function measureBrowser({ modules, quick }) {
  const plan = quick ? QUICK : FULL;
  const server = await serve({
    [`/${COMMON}/unet.onnx`]: { body: await readOnnx() },
  });
  const rows = [];
  try {
    for (const device of /** @type {const} */ (["cpu", "webgpu"])) {
      const browser = await launch({ webgpu: device === "webgpu" });
      try {
        const page = await browser.newPage();
        await page.goto(`${server.url}bench/page.html`);
        await page.waitForFunction("'ask' in globalThis");
        /** @param {string} name @param {Question} question @returns {Promise<any>} */
        const ask = (name, question) =>
          page.evaluate(
            ([name, question]) => /** @type {any} */ (globalThis).ask(name, question),
            [name, question],
          );
        rows.push(...(await measureDevice(ask, device, modules, plan)));
      } finally {
        await browser.close();
      }
    }
    rows.push(await measureStart(modules, quick));
  } finally {
    await server.close();
  }
  return rows;
}

/** The peer's form of the common network. */
async function readOnnx() {
  const { readFile } = await import("node:fs/promises");
  return readFile(path.join(root, "bench", "plain.onnx"));
}

/**
 * @param {(name: string, question: Question) => Promise<any>} ask
 * @param {"cpu" | "webgpu"} device
 * @param {string} modules
 * @param {typeof FULL} plan
 */
async function measureDevice(ask, device, modules, { warm, timed, timedBatchesOnWebgpu }) {
  const rows = [];
  const load = { method: /** @type {const} */ ("load"), device, modules };
  await ask("ours", { ...load, engine: "walkback", folder: COMMON });
  await ask("peer", { ...load, engine: "onnxruntime", folder: COMMON });
  await ask("shipped", { ...load, engine: "walkback", folder: SHIPPED });

  for (const count of [1, 16]) {
    /** @type {Record<string, Answer[]>} */
    const answers = { ours: [], peer: [], shipped: [] };
    const rounds = device === "webgpu" && count > 1 ? timedBatchesOnWebgpu : timed;
    if (rounds === 0) continue;
    for (let i = -warm; i < rounds; i++) {
      for (const [name, list] of Object.entries(answers)) {
        const answer = await ask(name, { method: "step", count });
        if (i >= 0) list.push(answer);
      }
    }
    const { ours = [], peer = [], shipped = [] } = answers;
    agree(ours[0], peer[0]);
    const time = (/** @type {Answer[]} */ list) => median(list.map((one) => one.milliseconds));
    const what = `${device === "cpu" ? "CPU" : "WebGPU"} step, batch ${count}`;
    rows.push(row(what, "ms", time(ours), time(peer), 1.0));
    rows.push(row(`${what}, pretrained/mnist`, "ms", time(shipped), null, null));
    const [last, theirs] = [ours.at(-1)?.counts, peer.at(-1)?.counts];
    if (device === "webgpu" && count === 1 && last !== undefined && theirs !== undefined) {
      rows.push(...countRows("", last, theirs));
    }
  }
  if (device === "webgpu") {
    const guided = [];
    for (let i = 0; i <= warm; i++) guided.push(await ask("shipped", { method: "guided" }));
    const { counts } = /** @type {Answer} */ (guided.at(-1));
    rows.push(...countRows(", pretrained/mnist, guided", counts, null));
  }
  return rows;
}

/** @param {string} where @param {Counts} ours @param {Counts | null} peer */
function countRows(where, ours, peer) {
  return [
    row(`dispatches per step${where}`, "", ours.dispatches, peer?.dispatches ?? null, null, 80),
    row(`submits per step${where}`, "", ours.submits, peer?.submits ?? null, null, 2),
    row(`buffers created per step${where}`, "", ours.buffers, peer?.buffers ?? null, null, 0),
    row(
      `storage bytes bound, against the fewest${where}`,
      "x",
      ours.bytes / ours.least,
      null,
      null,
      3,
    ),
  ];
}

/** Both engines compute the same network, or the comparison means nothing. @param {Answer | undefined} one @param {Answer | undefined} other */
function agree(one, other) {
  if (one === undefined || other === undefined) throw new Error("no step was timed");
  const off = Math.max(...one.output.map((value, i) => Math.abs(value - (other.output[i] ?? NaN))));
  if (!(off < 1e-3))
    throw new Error(`the two engines differ by ${off}: they do not compute the same`);
}

/**
 * From navigation to the first guess on the screen, on the CPU, once the browser has cached the files.
 * @param {string} modules the published folder
 * @param {boolean} quick
 */
async function measureStart(modules, quick) {
  // As long as GitHub Pages lets files be kept.
  const server = await serve({}, { folder: path.join(root, modules), maxAge: 600 });
  const profile = await mkdtemp(path.join(os.tmpdir(), "walkback-bench-"));
  const context = await launchWithProfile(profile, { webgpu: false });
  try {
    const times = [];
    for (let i = 0; i < (quick ? 2 : 11); i++) {
      const page = await context.newPage();
      await page.goto(`${server.url}?device=cpu`, { waitUntil: "commit" });
      const milliseconds = await page.evaluate(
        () =>
          new Promise((resolve) => {
            const look = () =>
              document.querySelector("#walk-back[data-revealed]") === null
                ? requestAnimationFrame(look)
                : resolve(performance.now());
            look();
          }),
      );
      if (i > 0) times.push(Number(milliseconds) / 1000);
      await page.close();
    }
    return row("navigation to the first denoised frame, CPU", "s", median(times), null, null, 0.7);
  } finally {
    await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true });
  }
}
