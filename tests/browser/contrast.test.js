// The page in a contrast mode of the system, which replaces its colours.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

const CONTRAST = /** @type {const} */ ({ reducedMotion: "reduce", forcedColors: "active" });

/**
 * The colours that a picture of an element has much of.
 * @param {import("./visitor.js").Visitor} visitor
 * @param {import("playwright-core").Locator} part
 */
async function coloursOf({ page }, part) {
  const shot = (await part.screenshot()).toString("base64");
  return page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context?.drawImage(bitmap, 0, 0);
    const pixels = context?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? [];
    /** @type {Map<string, number>} */
    const found = new Map();
    for (let i = 0; i < pixels.length; i += 4) {
      const key = [pixels[i], pixels[i + 1], pixels[i + 2]].join();
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    return [...found].filter(([, count]) => count > 40).map(([key]) => key);
  }, shot);
}

test("in a contrast mode sliders are seen, and what is on looks other than what is off", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=5&guidance=2", CONTRAST);
  const { page } = visitor;
  await visitor.rests(5);
  const colours = (/** @type {import("playwright-core").Locator} */ part) =>
    coloursOf(visitor, part);
  const own = await page.evaluate(() => {
    const probe = document.createElement("i");
    Object.assign(probe.style, { color: "var(--accent)", forcedColorAdjust: "none" });
    document.body.append(probe);
    const accent = getComputedStyle(probe).color;
    probe.remove();
    return accent.match(/\d+/g)?.join() ?? "";
  });
  for (const slider of [visitor.guidance, visitor.scrubber]) {
    const seen = await colours(slider);
    assert.ok(seen.length >= 2, `a handle on its track: ${seen.join("; ")}`);
    assert.ok(!seen.includes(own), `in the visitor's colours, not in the page's own ${own}`);
  }
  const chosen = page.locator("#walk-back .choices label:has(:checked)").first();
  const other = page.locator("#walk-back .choices label:not(:has(:checked))").first();
  assert.notDeepEqual(await colours(chosen), await colours(other));
  await page.keyboard.press("?");
  const keys = page.getByRole("switch", { name: "Keys of a single character" });
  const on = await colours(keys);
  await keys.uncheck();
  assert.notDeepEqual(await colours(keys), on);
  await visitor.leave();
});

test("in a contrast mode the lines of Algorithm 1 are seen to run", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", CONTRAST);
  const teach = await visitor.goTo("Teach it");
  await openMore(teach);
  await teach.getByRole("radio", { name: "nothing" }).check();
  await teach.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
  const line = teach.locator(".teach-lines li").first();
  const still = await coloursOf(visitor, line);
  await teach.getByRole("button", { name: "Learn", exact: true }).click();
  await teach.locator(".teach-lines li[data-lit]").first().waitFor();
  assert.notDeepEqual(await coloursOf(visitor, line), still);
  await teach.getByRole("button", { name: "Pause", exact: true }).click();
  await visitor.leave();
});
