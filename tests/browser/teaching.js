// A little teaching with a reload in the middle, in a browser of any engine.

import assert from "node:assert/strict";
import { SLOW } from "./helpers.js";

/** @typedef {import("./figures.js").AnyPage & { goto: (url: string) => Promise<unknown> }} AnyPage */

/** The first state that can be returned to, which is kept when it is. */
const GOOD = 25;

/**
 * Learns ten real digits from nothing, returns to the last good state, opens the page again, and goes on from there.
 * @param {AnyPage} page
 * @param {string} url of the site
 */
export async function learnsOnAfterAReload(page, url) {
  const place = '[data-figure="teach"][data-ready]';
  const open = async () => {
    await page.goto("about:blank");
    await page.goto(`${url}?device=cpu&embed=teach`);
    await page.waitForSelector(place, { timeout: SLOW / 5 });
    await page.$eval(`${place} .more > summary`, (found) =>
      /** @type {HTMLElement} */ (found).click(),
    );
  };
  /** @param {() => Promise<boolean>} holds @param {number} [timeout] */
  const until = async (holds, timeout = SLOW / 2) => {
    const end = Date.now() + timeout;
    while (!(await holds())) {
      // What the figure says then tells where it stopped.
      if (Date.now() >= end) assert.fail(`it took too long: ${await said()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const said = async () => {
    const [text = ""] = await page.$$eval(".teach", (found) =>
      found.map(
        (figure) => `${document.visibilityState}; ${/** @type {HTMLElement} */ (figure).innerText}`,
      ),
    );
    return text.replace(/\s+/g, " ");
  };
  const step = async () => {
    const [text = ""] = await page.$$eval(".teach .readouts dd", (found) =>
      found.map(({ textContent }) => textContent ?? ""),
    );
    return Number(text);
  };
  /** A function that is handed over knows nothing of what is around it: the button is marked with its name first. */
  const buttons = () =>
    page.$$eval(".teach :is(button, .choices label)", (found) =>
      found.map((button) => {
        const name = button.matches(":disabled") ? "" : (button.textContent ?? "").trim();
        button.setAttribute("data-name", name);
        return name;
      }),
    );
  /** @param {string} name */
  const press = async (name) => {
    await until(async () => (await buttons()).includes(name));
    await page.$eval(`.teach [data-name="${name}"]`, (found) =>
      /** @type {HTMLElement} */ (found).click(),
    );
  };

  await open();
  await press("nothing");
  await press("Add 10 real 0s");
  await press("Learn");
  await until(async () => (await step()) > GOOD);
  await press("Pause");
  await press("Undo to the last good state");
  await until(async () => (await step()) === GOOD);
  await open();
  await until(async () => (await step()) === GOOD, SLOW / 10);
  await page.waitForSelector('[aria-label="Remove example 10"]', { timeout: SLOW / 5 });
  await press("Continue learning");
  await until(async () => (await step()) > GOOD);
  await press("Pause");
}
