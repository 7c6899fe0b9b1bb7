// The page's figures without a worker, as a test opens them: see stand-in-page.js.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "./helpers.js";

/** @typedef {import("./stand-in-page.js").Asked} Asked */
/** @typedef {import("./stand-in-page.js").Wish} Wish */
/** @typedef {{ evaluate: (script: string) => Promise<any>, waitForFunction: (holds: () => boolean) => Promise<unknown> }} AnyPage of Playwright or Puppeteer */

/** What a server answers so that its page has the stand-in. @returns {Promise<Record<string, import("./helpers.js").Answer>>} */
export const standInPage = async () => ({
  "/web/main.js": {
    body: await readFile(path.join(root, "tests", "browser", "stand-in-page.js"), "utf8").then(
      (script) => script.replaceAll("../../web/", "./"),
    ),
  },
});

/**
 * Shows figures on a page with a stand-in.
 * @param {AnyPage} page
 * @param {Wish} wish
 */
export async function showFigures(page, wish) {
  await page.waitForFunction(() => "show" in globalThis);
  await page.evaluate(`show(${JSON.stringify(wish)})`);
}

/** The chains that were asked for, in order. @param {AnyPage} page @returns {Promise<Asked[]>} */
export const chainsOf = (page) => page.evaluate("chains");
