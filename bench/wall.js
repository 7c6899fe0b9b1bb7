// The wall of a hundred digits in the published page, on the CPU: with one worker, and with as many as the page takes.

import os from "node:os";
import path from "node:path";
import { launch, root, serve } from "../tests/browser/helpers.js";
import { median, speedup } from "./table.js";

/** As many as the page chooses on the CPU. */
const STEPS = 8;
/** How often each is measured, in turn. */
const ROUNDS = 5;

/** How many times as fast as one worker. */
const GOAL = 1.7;

/** @typedef {{ seconds: number, workers: number, picture: string }} Walked */

/** @param {{ modules: string, quick: boolean }} options */
export async function measureWall({ modules, quick }) {
  if (os.availableParallelism() < 2) {
    console.log("    a wall of 100 digits: this machine has one core, left out");
    return [];
  }
  const server = await serve({}, { folder: path.join(root, modules) });
  const browser = await launch({ webgpu: false });
  try {
    /** @type {Walked[]} */
    const alone = [];
    /** @type {Walked[]} */
    const together = [];
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      alone.push(await walk(browser, server.url, 1));
      together.push(await walk(browser, server.url, null));
    }
    const pictures = new Set([...alone, ...together].map(({ picture }) => picture));
    if (pictures.size > 1) throw new Error("the walls differ: they do not compute the same");
    const [workers = 1] = together.map((walked) => walked.workers);
    const time = (/** @type {Walked[]} */ walks) => median(walks.map(({ seconds }) => seconds));
    const what = `a wall of 100 digits, CPU, ${STEPS} steps, ${workers} workers beside one`;
    return [speedup(what, "s", time(together), time(alone), GOAL)];
  } finally {
    await browser.close();
    await server.close();
  }
}

/**
 * One wall, in a page that shows nothing else.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {number | null} cores what the page is told of the processor; null: what is so
 * @returns {Promise<Walked>}
 */
async function walk(browser, url, cores) {
  // Then it waits to be asked.
  const context = await browser.newContext({ reducedMotion: "reduce", serviceWorkers: "block" });
  try {
    if (cores !== null) {
      await context.addInitScript((cores) => {
        Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => cores });
      }, cores);
    }
    const page = await context.newPage();
    await page.goto(`${url}?device=cpu&embed=wall#wall.steps=${STEPS}`);
    const wall = page.locator('[data-figure="wall"][data-ready]');
    await wall.getByRole("img", { name: /noisy, at t = / }).waitFor();
    const seconds = await wall.evaluate(
      (root) =>
        new Promise((resolve, reject) => {
          const said = root.querySelector('[role="status"]');
          const button = root.querySelector("button.primary");
          if (!(said && button instanceof HTMLElement)) return reject(new Error("not the wall"));
          const began = performance.now();
          new MutationObserver(() => {
            if (/^Done/.test(said.textContent ?? "")) {
              resolve((performance.now() - began) / 1000);
            }
          }).observe(said, { childList: true, characterData: true, subtree: true });
          button.click();
        }),
    );
    const readout = wall.locator("dl > div", { hasText: "images at once" }).locator("dd");
    const [, workers = "1"] = /^(\d+) × /.exec((await readout.textContent()) ?? "") ?? [];
    const picture = await wall
      .locator("canvas")
      .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
    return { seconds: Number(seconds), workers: Number(workers), picture };
  } finally {
    await context.close();
  }
}
