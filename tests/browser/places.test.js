// Places of the page: a link to a figure lands on it and sets it, contents write the address, and Back returns.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { root } from "./helpers.js";
import { openSite } from "./site.js";
import { showFigures, standInPage } from "./stand-in.js";

const site = openSite();
const base = "/web/styles/base.css";

/** Where a place begins below the top of the window, in pixels. @param {import("playwright-core").Locator} place */
const topOf = (place) => place.evaluate((found) => found.getBoundingClientRect().top);

/**
 * Waits until a figure is there and the page has come to rest.
 * @param {import("playwright-core").Page} page
 * @param {string} figure
 */
async function comes(page, figure) {
  await page.locator(`[data-figure="${figure}"][data-ready]`).waitFor({ timeout: 60_000 });
  await page.waitForTimeout(700);
}

describe("a link to a figure", () => {
  test("scrolls there and sets it", async (t) => {
    const { page } = await site.visitWith(t, {}, "?device=cpu#many-answers&steps=10&many.t=900");
    await comes(page, "many-answers");
    const section = page.locator("#many-answers");
    assert.ok(Math.abs(await topOf(section)) < 8, `${await topOf(section)} pixels off`);
    const slider = section.getByRole("slider", { name: "Begin at time t" });
    assert.equal(await slider.inputValue(), "900");
    assert.equal(await page.locator("#link-notice").textContent(), "");
  });

  for (const [who, rule] of /** @type {const} */ ([
    ["browser that keeps what is read in its place", ""],
    ["browser that does not", "* { overflow-anchor: none; }"],
  ])) {
    test(`far down lands on it, in a ${who}`, async (t) => {
      const css = `${await readFile(path.join(root, base), "utf8")}\n${rule}`;
      const { page } = await site.visitWith(
        t,
        { [base]: { body: css } },
        "?device=cpu#take-away&steps=10&at=0",
      );
      await comes(page, "take-away");
      const section = page.locator("#take-away");
      const [top, left] = await section.evaluate((found) => {
        const { scrollHeight, clientHeight } = document.documentElement;
        return [found.getBoundingClientRect().top, scrollHeight - clientHeight - scrollY];
      });
      // At the top of the window, or as near as the end of the page lets it.
      assert.ok(Math.abs(top ?? NaN) < 8 || (left ?? NaN) < 2, `${top}, with ${left} to scroll`);
      assert.ok((top ?? NaN) < 450, `it begins at ${top}`);
    });
  }
});

test("contents write the address, and Back returns without changing what is set", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&seed=5&at=1", { reducedMotion: "reduce" });
  const { page } = visitor;
  const hash = () => new URL(page.url()).hash;
  await visitor.rests(1);
  const contents = page.getByRole("navigation", { name: "Contents" });
  const to = async (/** @type {string} */ name) => {
    await contents.getByRole("link", { name }).evaluate((link) => {
      if (link instanceof HTMLElement) link.click();
    });
  };
  await to("How it learned");
  assert.equal(hash(), "#learning&steps=10&seed=5&at=1");
  await to("Take it with you");
  assert.equal(hash(), "#take-away&steps=10&seed=5&at=1");
  await comes(page, "take-away");
  // Set here: Back goes to another place, and leaves it.
  await page.evaluate(() => scrollTo(0, 0));
  await visitor.digit("7").check();
  await visitor.until(async () => hash().includes("label=7"));
  await page.goBack();
  await visitor.until(async () => /^#learning&.*label=7/.test(hash()));
  await page.goBack();
  await visitor.until(async () => /^#steps=10&.*label=7|^#label=7/.test(hash()));
  assert.ok(await visitor.digit("7").isChecked());
  await page.goForward();
  await visitor.until(async () => /^#learning&.*label=7/.test(hash()));
  await visitor.leave();
});

for (const width of [390, 700, 1280]) {
  test(`at ${width} pixels a figure takes about the room that was kept for it`, async (t) => {
    const { page } = await site.visitWith(t, await standInPage(), "", {
      viewport: { width, height: 900 },
      reducedMotion: "reduce",
    });
    await page.waitForFunction(() => "show" in globalThis);
    const rooms = await page.$$eval(".instrument[data-figure]", (places) =>
      places.map((place) => {
        const section = place.closest("section");
        if (section !== null) section.hidden = false;
        const { height } = place.getBoundingClientRect();
        return /** @type {const} */ ([place.getAttribute("data-figure") ?? "", height]);
      }),
    );
    await showFigures(page, {});
    for (const [figure, room] of rooms) {
      const place = page.locator(`[data-figure="${figure}"]`);
      await place.evaluate((found) => found.scrollIntoView());
      await page
        .locator(`[data-figure="${figure}"]:is([data-ready], :has(> .figure-failure))`)
        .waitFor();
      // What the stand-in cannot answer fails there, and says nothing about the room.
      if ((await place.locator("> .figure-failure").count()) > 0) continue;
      await page.waitForTimeout(200);
      const { height } = (await place.boundingBox()) ?? { height: NaN };
      const off = Math.abs(height - room);
      assert.ok(off < 60 + 0.15 * height, `${figure}: ${room} kept, ${height} taken`);
    }
  });
}
