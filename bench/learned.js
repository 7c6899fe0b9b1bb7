// What the page's "Teach it" has learned, as a model folder, and what the classifier of `walkback eval` reads in its walks.

import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "../tests/browser/helpers.js";
import { unzipSync } from "../web/vendor/fflate.js";

/** @typedef {{ hits: number, of: number, interval: [number, number] }} Rate */
/** @typedef {{ count: number, read_as: number[], read_as_label?: Rate }} Drawn */

/**
 * The model that the page saves.
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} teach the figure
 * @returns {Promise<Uint8Array>}
 */
export async function saved(page, teach) {
  const coming = page.waitForEvent("download");
  await teach.getByRole("button", { name: "Download the model", exact: true }).click();
  return readFile(await (await coming).path());
}

/** @param {Uint8Array} zip @param {string} folder @returns {Promise<string>} the model's own folder */
export async function unpacked(zip, folder) {
  for (const [name, content] of Object.entries(unzipSync(zip))) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return path.join(folder, "yours");
}

/**
 * What the classifier reads in a model's walks: those to its ten digits, or those of a model without labels.
 * @param {object} options
 * @param {string} options.model
 * @param {string} options.binary
 * @param {string | undefined} options.data
 * @param {string} options.setting
 * @param {number} options.samples for each of the classifier's ten classes
 * @returns {Promise<Drawn>}
 */
export async function judged({ model, binary, data, setting, samples }) {
  const { stdout } = await promisify(execFile)(
    path.resolve(root, binary),
    [
      ...["eval", "--model", model, "--only", "samples", "--setting", setting],
      ...["--samples", String(samples), "--json", ...(data === undefined ? [] : ["--data", data])],
    ],
    { cwd: root, maxBuffer: 1 << 26 },
  );
  /** @type {{ samples: { settings: Drawn[] } }} */
  const report = JSON.parse(stdout);
  const [drawn] = report.samples.settings;
  if (drawn === undefined) throw new Error("walkback eval judged nothing");
  return drawn;
}
