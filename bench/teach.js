// "Teach it", from nothing: what the published page learns on the CPU within a minute and a half, as a visitor presses the
// buttons, judged by the classifier of `walkback eval`.

import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { launch, root, serve } from "../tests/browser/helpers.js";
import { judged, saved, unpacked } from "./learned.js";
import { row } from "./table.js";

/** From the press of "Learn", in seconds: loading the learner, the walks that it shows and what it keeps count too. */
const SECONDS = 90;
/** The digits of which ten real ones are shown, each to a network of its own. */
const KINDS = [0, 3, 7];
/** How what was learned is walked: as "Walk back" does on the CPU, unless a visitor says otherwise. */
const SETTING = "ddpm:100";
/** Walks of each network, for each of the classifier's ten classes. */
const WALKS = 10;

/** The share that should be read as what was shown, in percent. */
const GOAL = 60;

/**
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {string} options.binary
 * @param {string} [options.data] folder of MNIST, on which the classifier is trained; it is downloaded without one
 * @param {boolean} options.quick one kind of digit
 */
export async function measureTeach({ modules, binary, data, quick }) {
  const server = await serve({}, { folder: path.join(root, modules) });
  const browser = await launch({ webgpu: false });
  const scratch = await mkdtemp(path.join(os.tmpdir(), "walkback-bench-"));
  try {
    const shares = [];
    for (const kind of quick ? KINDS.slice(0, 1) : KINDS) {
      const { zip, steps } = await taught(browser, server.url, kind);
      const folder = await unpacked(zip, path.join(scratch, String(kind)));
      const share = await shareReadAs(kind, folder, binary, data);
      console.log(`    ${kind}: ${steps} steps, ${share.toFixed(0)}% read as ${kind}`);
      shares.push(share);
    }
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const what = `"Teach it" from nothing, ${SECONDS} s, CPU: walks read as what was shown`;
    return [{ ...row(what, "%", mean, null, null, GOAL), least: true }];
  } finally {
    await browser.close();
    await server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Lets the page learn ten real digits of a kind, in a page that shows nothing else.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {number} kind
 * @returns {Promise<{ zip: Uint8Array, steps: number }>} the model that the page saves
 */
async function taught(browser, url, kind) {
  const context = await browser.newContext({ serviceWorkers: "block" });
  try {
    const page = await context.newPage();
    await page.goto(`${url}?device=cpu&embed=teach`);
    const teach = page.locator('[data-figure="teach"][data-ready]');
    const press = (/** @type {string | RegExp} */ name) =>
      teach.getByRole("button", { name, exact: true }).click();
    await teach.getByText("More", { exact: true }).click();
    await teach.getByRole("radio", { name: "nothing" }).check();
    await teach.getByRole("radio", { name: String(kind), exact: true }).check();
    await press(new RegExp(`^Add \\d+ real ${kind}s$`));
    await teach.getByRole("slider", { name: /^Steps/ }).press("End");
    await press("Learn");
    const pause = teach.getByRole("button", { name: "Pause", exact: true });
    await pause.waitFor();
    // Where it has taken all its steps before, it is done.
    await pause.waitFor({ state: "detached", timeout: 1000 * SECONDS }).catch(() => pause.click());
    await teach.getByRole("button", { name: "Continue learning", exact: true }).waitFor();
    const steps = Number(await teach.locator(".readouts dd").first().textContent());
    return { zip: await saved(page, teach), steps };
  } finally {
    await context.close();
  }
}

/**
 * @param {number} kind
 * @param {string} model
 * @param {string} binary
 * @param {string | undefined} data
 * @returns {Promise<number>} of its walks, in percent
 */
async function shareReadAs(kind, model, binary, data) {
  const drawn = await judged({ model, binary, data, setting: SETTING, samples: WALKS });
  return (100 * (drawn.read_as[kind] ?? NaN)) / drawn.count;
}
