// "Teach it", from the page's model: what five drawings cost the digits that it knew before, judged by the classifier of
// `walkback eval`.

import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CROSSES, drawCross } from "../tests/browser/crosses.js";
import { SLOW, launch, root, serve } from "../tests/browser/helpers.js";
import { judged, saved, unpacked } from "./learned.js";
import { row } from "./table.js";

/** As many steps as the page takes when "Learn" is pressed once. */
const STEPS = 150;
const DRAWINGS = 5;
/** How both models are walked: without guidance, which would hide what was forgotten. */
const SETTING = "ddim:50:1";
/** Walks to each digit, from the same noise in both models. */
const WALKS = 100;
const WALKS_QUICK = 20;
/** What the share of walks that are read as their digit may fall by, in points. */
const GOAL = 3;

/**
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {string} options.binary
 * @param {string} [options.data] folder of MNIST, on which the classifier is trained; it is downloaded without one
 * @param {boolean} options.quick fewer walks
 */
export async function measureBent({ modules, binary, data, quick }) {
  const server = await serve({}, { folder: path.join(root, modules) });
  const browser = await launch({ webgpu: false });
  const scratch = await mkdtemp(path.join(os.tmpdir(), "walkback-bench-"));
  try {
    const after = await unpacked(await taught(browser, server.url), scratch);
    const before = path.join(root, "pretrained", "mnist");
    const samples = quick ? WALKS_QUICK : WALKS;
    const rates = [];
    for (const [when, model] of [
      ["before", before],
      ["after", after],
    ]) {
      const drawn = await judged({ model: model ?? "", binary, data, setting: SETTING, samples });
      const { hits = NaN, of = NaN } = drawn.read_as_label ?? {};
      console.log(`    ${when}: ${hits} of ${of} walks are read as their digit`);
      rates.push((100 * hits) / of);
    }
    const [was = NaN, is = NaN] = rates;
    const what = `"Teach it" with ${DRAWINGS} drawings, ${STEPS} steps: points lost of the old digits' ${was.toFixed(1)}%`;
    return [row(what, "points", was - is, null, null, GOAL)];
  } finally {
    await browser.close();
    await server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Lets the page's model learn a few drawings, in a page that shows nothing else.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @returns {Promise<Uint8Array>} the model that the page saves
 */
async function taught(browser, url) {
  const context = await browser.newContext({ serviceWorkers: "block" });
  try {
    const page = await context.newPage();
    await page.goto(`${url}?device=cpu&embed=teach`);
    const teach = page.locator('[data-figure="teach"][data-ready]');
    await teach.waitFor();
    for (const ends of CROSSES.slice(0, DRAWINGS)) await drawCross(page, teach, ends);
    await teach.getByText("More", { exact: true }).click();
    await teach.getByRole("button", { name: "Learn", exact: true }).click();
    await teach.getByRole("button", { name: "Pause", exact: true }).waitFor();
    const done = teach.getByRole("button", { name: "Continue learning", exact: true });
    await done.waitFor({ timeout: 4 * SLOW });
    const steps = Number(await teach.locator(".readouts dd").first().textContent());
    if (steps !== STEPS) throw new Error(`the page took ${steps} steps, not ${STEPS}`);
    return await saved(page, teach);
  } finally {
    await context.close();
  }
}
