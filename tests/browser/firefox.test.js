// The page in Firefox, on the CPU: another engine for JavaScript, WebAssembly and layout.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import puppeteer from "puppeteer-core";
import { seeAllFigures } from "./figures.js";
import { SLOW, serve } from "./helpers.js";

const executablePath = process.env["FIREFOX"] ?? "";
const skip =
  executablePath === "" && "name a Firefox in $FIREFOX, or let `cargo xtask test` find one";

describe("the page in Firefox", { skip, timeout: SLOW }, () => {
  test("walks to an image, has its figures ready, and complains of nothing", async (t) => {
    const server = await serve();
    t.after(server.close);
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath,
      headless: true,
    });
    t.after(() => browser.close());
    const page = await browser.newPage();
    /** @type {string[]} */
    const complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.setViewport({ width: 1280, height: 900 });
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
});
