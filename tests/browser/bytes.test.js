// What figures compute with is bytes, not what a browser gives back of a canvas: that, Firefox and Brave alter for
// who guards their privacy, and canvases differ in what they can do.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { root } from "./helpers.js";
import { openSite } from "./site.js";
import { showFigures, standInPage } from "./stand-in.js";

const site = openSite();

/** @param {import("node:test").TestContext} t @param {() => void} lessen what the browser does otherwise */
async function openPad(t, lessen) {
  const { page } = await site.visitWith(t, await standInPage(), "", {
    prepare: (context) =>
      context.addInitScript(() => {
        const { getImageData } = CanvasRenderingContext2D.prototype;
        Object.assign(globalThis, { getImageData });
      }),
  });
  await page.evaluate(lessen);
  await showFigures(page, { only: ["bend-scribble"] });
  const place = page.locator('[data-figure="bend-scribble"]');
  await place.scrollIntoViewIfNeeded();
  const pad = place.getByRole("application");
  await pad.waitFor();
  /** @param {import("playwright-core").Locator} picture @returns {Promise<number[][]>} red, green and blue */
  const coloursOf = (picture) =>
    picture.evaluate((canvas) => {
      const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
      const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
      const { getImageData } = /** @type {any} */ (globalThis);
      /** @type {number[]} */
      const data = [...getImageData.call(context, 0, 0, width, height).data];
      return [0, 1, 2].map((channel) => data.filter((_, i) => i % 4 === channel));
    });
  /** What is computed with: the stand-in adds no noise. */
  const noised = place.getByRole("img", { name: /^The drawing noised/ });
  const computed = async () => (await coloursOf(noised))[0] ?? [];
  await noised.waitFor();
  return { page, pad, coloursOf, computed };
}

describe("what figures compute with", { timeout: 40_000 }, () => {
  test("digits and strokes are computed as they are, whatever is read back from a canvas", async (t) => {
    const { page, pad, computed } = await openPad(t, () => {
      const { getImageData } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.getImageData = function (...box) {
        const image = getImageData.apply(this, box);
        image.data.forEach((value, i) => (image.data[i] = value ^ 3));
        return image;
      };
    });
    const file = path.join(root, "web", "digits", "test-digits-idx3-ubyte.gz");
    const digits = gunzipSync(await readFile(file)).subarray(16);
    assert.equal(digits.length, 100 * 28 * 28);
    assert.deepEqual(await computed(), [...digits.subarray(70 * 28 * 28, 71 * 28 * 28)]);

    await page.getByRole("button", { name: "Clear" }).click();
    await pad.focus();
    await page.keyboard.press("Space");
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    for (let now = await computed(); now[14 * 28 + 16] !== 255; now = await computed()) {
      await page.waitForTimeout(30);
    }
    const drawn = await computed();
    assert.equal(drawn[0], 0, "where nothing is drawn there is nothing");
  });

  test("a picture in colour is shown as the shades of grey that are computed, without a filter too", async (t) => {
    const { page, pad, coloursOf, computed } = await openPad(t, () => {
      // As in Safari.
      Reflect.deleteProperty(CanvasRenderingContext2D.prototype, "filter");
    });
    await pad.evaluate(async (target) => {
      const canvas = new OffscreenCanvas(64, 64);
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no context");
      context.fillStyle = "#f00";
      context.fillRect(0, 0, 64, 64);
      const data = new DataTransfer();
      const blob = await canvas.convertToBlob();
      data.items.add(new File([blob], "red.png", { type: blob.type }));
      const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      target.dispatchEvent(drop);
    });
    // The brightness of red, as ITU-R BT.709 weighs it.
    const grey = Math.round(0.2126 * 255);
    for (let now = await computed(); now[0] !== grey; now = await computed()) {
      await page.waitForTimeout(30);
    }
    for (const channel of await coloursOf(pad)) assert.equal(channel[0], grey);
    assert.ok((await computed()).every((value) => value === grey));
  });
});
