// Crosses as a hand draws them, on the pad of "Teach it".

import assert from "node:assert/strict";

/** Of the digits model's images, in pixels. */
export const SIDE = 28;

/** Seven crosses: how far the four ends of the two strokes lie from their places, in pixels of the image. */
export const CROSSES = Array.from({ length: 7 }, (_, i) =>
  Array.from({ length: 8 }, (_, k) => 1.5 * Math.sin((8 * i + k) * 12.9898)),
);

/** Draws a cross on the pad and adds it. @param {import("playwright-core").Page} page @param {import("playwright-core").Locator} section @param {number[]} ends */
export async function drawCross(page, section, ends) {
  const pad = section.getByRole("application");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  assert.ok(box);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, k = 0] = ends;
  for (const [from, to] of /** @type {const} */ ([
    [
      [7 + a, 7 + b],
      [21 + c, 21 + d],
    ],
    [
      [21 + e, 7 + f],
      [7 + g, 21 + k],
    ],
  ])) {
    const point = (/** @type {readonly [number, number]} */ [x, y]) =>
      /** @type {const} */ ([
        box.x + ((x + 0.5) / SIDE) * box.width,
        box.y + ((y + 0.5) / SIDE) * box.height,
      ]);
    await page.mouse.move(...point(from));
    await page.mouse.down();
    await page.mouse.move(...point(to), { steps: 4 });
    await page.mouse.up();
  }
  await section.getByRole("button", { name: "Add this drawing" }).click();
}
