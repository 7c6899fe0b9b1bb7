// What is measured in Chromium: the page's modules in turn with ONNX Runtime Web, on the CPU and on WebGPU.

import { launch, serve } from "../tests/browser/helpers.js";
import { files, NETWORKS, SEED } from "./networks.js";
import { median, row } from "./table.js";

/** What is measured on WebGPU, in software: the first beside the peer. */
const COMMON = "tests/conformance/plain";
const SHIPPED = "pretrained/mnist";
/** Where networks without a folder are served. */
const DRAWN = "bench/drawn";
/** Steps before any is timed, and steps timed; on WebGPU in software a batch takes long. */
const FULL = { warm: 3, timed: 10, timedLarge: 5, timedBatchesOnWebgpu: 3, batches: [1, 16] };
const QUICK = { warm: 1, timed: 3, timedLarge: 1, timedBatchesOnWebgpu: 0, batches: [1] };
/** Ratios to reach on the CPU. */
const GOAL = { small: 0.6, large: 0.75, largeOnWebgpu: 0.5 };

/** @typedef {import("./worker.js").Question} Question */
/** @typedef {import("./gpu-recorder.js").Counts} Counts */
/** @typedef {{ milliseconds: number, counts: Counts, output: number[] }} Answer */
/** @typedef {(name: string, question: Question) => Promise<any>} Ask */

/**
 * Steps on the CPU, of all networks.
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {boolean} options.quick fewer steps
 */
export async function measureSteps({ modules, quick }) {
  const plan = quick ? QUICK : FULL;
  /** @type {ReturnType<typeof row>[]} */
  const rows = [];
  for (const network of NETWORKS) {
    const folder = network.folder ?? DRAWN;
    await withPage({ webgpu: false }, await bodies(folder, network), async (ask) => {
      rows.push(...(await measureCpu(ask, network, folder, modules, plan)));
    });
  }
  return rows;
}

/**
 * A small network on WebGPU, and what it asks of a GPU.
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {boolean} options.quick fewer steps
 */
export async function measureOnWebgpu({ modules, quick }) {
  const plan = quick ? QUICK : FULL;
  /** @type {ReturnType<typeof row>[]} */
  const rows = [];
  const [common] = NETWORKS;
  if (common === undefined) throw new Error("there is no network to measure");
  await withPage({ webgpu: true }, await bodies(COMMON, common), async (ask) => {
    rows.push(...(await measureWebgpu(ask, modules, plan)));
  });
  return rows;
}

/** What the server has beside the repository. @param {string} folder @param {import("./networks.js").Network} network */
export async function bodies(folder, network) {
  const made = Object.entries(await files(network));
  return Object.fromEntries(made.map(([name, body]) => [`/${folder}/${name}`, { body }]));
}

/**
 * The large networks on WebGPU, which take minutes in software.
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 */
export async function measureLargeOnWebgpu({ modules }) {
  /** @type {ReturnType<typeof row>[]} */
  const rows = [];
  for (const network of NETWORKS.filter(({ config }) => config !== undefined)) {
    await withPage({ webgpu: true }, await bodies(DRAWN, network), async (ask) => {
      rows.push(await measureOneOnWebgpu(ask, network, modules));
    });
  }
  return rows;
}

/**
 * @param {{ webgpu: boolean }} wish
 * @param {Record<string, { body: string | Buffer }>} bodies
 * @param {(ask: Ask) => Promise<void>} measure
 */
async function withPage(wish, bodies, measure) {
  const server = await serve(bodies);
  try {
    const browser = await launch(wish);
    try {
      await measure(await openPage(browser, server.url));
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}

/** @param {import("playwright-core").Browser} browser @param {string} url of the server @returns {Promise<Ask>} */
export async function openPage(browser, url) {
  const page = await browser.newPage();
  await page.goto(`${url}bench/page.html`);
  await page.waitForFunction("'ask' in globalThis");
  return (name, question) =>
    page.evaluate(
      ([name, question]) => /** @type {any} */ (globalThis).ask(name, question),
      /** @type {const} */ ([name, question]),
    );
}

/**
 * Steps of both engines in turn, one thread each.
 * @param {Ask} ask
 * @param {import("./networks.js").Network} network
 * @param {string} folder
 * @param {string} modules
 * @param {typeof FULL} plan
 */
async function measureCpu(ask, { name, config }, folder, modules, plan) {
  const rows = [];
  const load = { method: /** @type {const} */ ("load"), device: /** @type {const} */ ("cpu") };
  await ask("ours", { ...load, modules, engine: "walkback", folder });
  await ask("peer", { ...load, modules, engine: "onnxruntime", folder });
  const large = config !== undefined;
  const [warm, timed] = large ? [1, plan.timedLarge] : [plan.warm, plan.timed];
  for (const count of plan.batches) {
    const { ours = [], peer = [] } = await inTurn(ask, ["ours", "peer"], count, warm, timed);
    agree(ours[0], peer[0]);
    const what = `CPU step, batch ${count}, ${name}${large ? `, seed ${SEED}` : ""}`;
    rows.push(row(what, "ms", time(ours), time(peer), large ? GOAL.large : GOAL.small));
  }
  return rows;
}

/** @param {Answer[]} answers */
const time = (answers) => median(answers.map((answer) => answer.milliseconds));

/** @param {Ask} ask @param {string[]} names @param {number} count @param {number} warm @param {number} timed */
async function inTurn(ask, names, count, warm, timed) {
  /** @type {Record<string, Answer[]>} */
  const answers = Object.fromEntries(names.map((name) => [name, []]));
  for (let i = -warm; i < timed; i++) {
    for (const [name, list] of Object.entries(answers)) {
      const answer = await ask(name, { method: "step", count });
      if (i >= 0) list.push(answer);
    }
  }
  return answers;
}

/**
 * One image on WebGPU, after an evaluation that compiles.
 * @param {Ask} ask
 * @param {import("./networks.js").Network} network
 * @param {string} modules
 */
async function measureOneOnWebgpu(ask, { name }, modules) {
  const load = { method: /** @type {const} */ ("load"), device: /** @type {const} */ ("webgpu") };
  await ask("ours", { ...load, modules, engine: "walkback", folder: DRAWN });
  await ask("peer", { ...load, modules, engine: "onnxruntime", folder: DRAWN });
  const { ours = [], peer = [] } = await inTurn(ask, ["ours", "peer"], 1, 1, 1);
  agree(ours[0], peer[0]);
  const what = `WebGPU step, batch 1, ${name}, seed ${SEED}`;
  return row(what, "ms", time(ours), time(peer), GOAL.largeOnWebgpu);
}

/** @param {Ask} ask @param {string} modules @param {typeof FULL} plan */
async function measureWebgpu(ask, modules, { warm, timed, timedBatchesOnWebgpu }) {
  const rows = [];
  const load = {
    method: /** @type {const} */ ("load"),
    device: /** @type {const} */ ("webgpu"),
    modules,
  };
  await ask("ours", { ...load, engine: "walkback", folder: COMMON });
  await ask("peer", { ...load, engine: "onnxruntime", folder: COMMON });
  await ask("shipped", { ...load, engine: "walkback", folder: SHIPPED });
  for (const count of [1, 16]) {
    const rounds = count > 1 ? timedBatchesOnWebgpu : timed;
    if (rounds === 0) continue;
    const answers = await inTurn(ask, ["ours", "peer", "shipped"], count, warm, rounds);
    const { ours = [], peer = [], shipped = [] } = answers;
    agree(ours[0], peer[0]);
    const what = `WebGPU step, batch ${count}`;
    rows.push(row(what, "ms", time(ours), time(peer), 1.0));
    rows.push(row(`${what}, pretrained/mnist`, "ms", time(shipped), null, null));
    const [last, theirs] = [ours.at(-1)?.counts, peer.at(-1)?.counts];
    if (count === 1 && last !== undefined && theirs !== undefined) {
      rows.push(...countRows("", last, theirs));
    }
  }
  const guided = [];
  for (let i = 0; i <= warm; i++) guided.push(await ask("shipped", { method: "guided" }));
  const { counts } = /** @type {Answer} */ (guided.at(-1));
  rows.push(...countRows(", pretrained/mnist, guided", counts, null));
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
