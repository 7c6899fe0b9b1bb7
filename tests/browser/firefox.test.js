// The page in Firefox, on the CPU: another engine for JavaScript, WebAssembly and layout.

import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import puppeteer from "puppeteer-core";
import { seeAllFigures } from "./figures.js";
import { DRAFT, SLOW, serve } from "./helpers.js";
import { showFigures, standInPage } from "./stand-in.js";
import { learnsOnAfterAReload } from "./teaching.js";

const executablePath = process.env["FIREFOX"] ?? "";
const skip =
  executablePath === "" && "name a Firefox in $FIREFOX, or let `cargo xtask test` find one";

/** @param {import("node:test").TestContext} t */
async function openFirefox(t) {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
  t.after(() => browser.close());
  t.diagnostic(await browser.version());
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  return page;
}

describe("the page in Firefox", { skip, timeout: SLOW }, () => {
  test("walks to an image, has its figures ready, and complains of nothing", async (t) => {
    const server = await serve();
    t.after(server.close);
    const page = await openFirefox(t);
    /** @type {string[]} */
    const complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${server.url}?device=cpu#steps=10`);

    await page.waitForSelector('canvas[aria-label^="The finished image"]', { timeout: SLOW });
    const readouts = await page.$$eval("#walk-back .readouts dd", (found) =>
      found.map((element) => element.textContent?.trim() ?? ""),
    );
    assert.ok(readouts.includes("10 of 10"), readouts.join("; "));
    assert.ok(readouts.includes("CPU"), readouts.join("; "));

    await seeAllFigures(page);
    assert.deepEqual(complaints, []);
  });

  test("shows a figure alone as an embed, and runs the module's example", async (t) => {
    const server = await serve();
    t.after(server.close);
    const page = await openFirefox(t);
    await page.goto(`${server.url}?device=cpu&embed=many-answers#many.t=900&many.steps=4`);
    await page.waitForSelector('[aria-label^="Sixteen images"][aria-label*="at t = 900"]', {
      timeout: SLOW / 5,
    });
    const headings = await page.$$eval("h1, h2, h3", (all) =>
      all.filter((heading) => heading.checkVisibility()).map((heading) => heading.textContent),
    );
    assert.deepEqual(headings, ["One noisy image, many answers"]);

    const site = await serve({}, { folder: DRAFT + path.sep, below: "/some/path/" });
    t.after(site.close);
    await page.goto(`${site.url}example.html`);
    await page.waitForFunction(() => document.querySelector("p")?.textContent === "An image", {
      timeout: SLOW / 5,
    });
  });

  test("learns, and goes on after a reload", async (t) => {
    const server = await serve();
    t.after(server.close);
    await learnsOnAfterAReload(await openFirefox(t), server.url);
  });

  // Firefox remembers what failed to load, and asks for it no more under the same address.
  test("has a figure when it is tried again, though its code failed to load before", async (t) => {
    const answers = await standInPage();
    const server = await serve(answers);
    t.after(server.close);
    const page = await openFirefox(t);
    await page.goto(server.url);
    const wall = '[data-figure="wall"]';
    const again = `${wall} .figure-failure button`;
    /** @param {string} words */
    const press = async (words) => {
      await page.waitForFunction(
        (button, words) => document.querySelector(button)?.textContent === words,
        {},
        again,
        words,
      );
      await page.$eval(again, (button) => /** @type {HTMLElement} */ (button).click());
    };
    /** @param {string} file */
    const seeWithout = async (file) => {
      answers[file] = { status: 503 };
      await showFigures(page, { only: ["wall"] });
      await page.$eval(wall, (place) => place.scrollIntoView());
      await page.waitForSelector(again);
      delete answers[file];
    };
    await seeWithout("/web/figures/wall.js");
    await press("Try again");
    await page.waitForSelector(`${wall}[data-ready]`);

    // What the figure's code imports has no other address: only a reload asks for it again.
    await page.goto(server.url);
    await seeWithout("/web/figures/wall/walk.js");
    await press("Try again");
    await press("Reload the page");
    await showFigures(page, { only: ["wall"] });
    await page.$eval(wall, (place) => place.scrollIntoView());
    await page.waitForSelector(`${wall}[data-ready]`);
  });
});
