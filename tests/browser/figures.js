// The walk over all figures of the page, whichever library drives the browser.

import assert from "node:assert/strict";
import { SLOW } from "./helpers.js";

/**
 * @typedef {object} AnyPage what a page of Playwright and one of Puppeteer have in common
 * @property {(selector: string, read: (found: Element[]) => string[]) => Promise<string[]>} $$eval
 * @property {(selector: string, act: (found: Element) => void) => Promise<void>} $eval
 * @property {(selector: string, options: { timeout: number }) => Promise<unknown>} waitForSelector
 */

/**
 * Brings every figure into sight, one after the other, which creates them; none of them may fail.
 * @param {AnyPage} page
 */
export async function seeAllFigures(page) {
  const figures = await page.$$eval(
    "section:not([hidden]) [data-figure], section:not([hidden])[data-figure]",
    (found) => found.map((place) => place.getAttribute("data-figure") ?? ""),
  );
  assert.ok(figures.length > 5, figures.join(", "));
  for (const figure of figures) {
    const place = `[data-figure="${figure}"]`;
    await page.$eval(place, (found) => found.scrollIntoView());
    await page.waitForSelector(`${place}:is([data-ready], :has(> .figure-failure))`, {
      timeout: SLOW / 5,
    });
  }
  const failures = await page.$$eval(".figure-failure", (found) =>
    found.map((failure) => failure.textContent ?? ""),
  );
  assert.deepEqual(failures, []);
}
