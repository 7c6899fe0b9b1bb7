// Examples for "Teach it" are drawn by keyboard, by a finger and by a pen as well as by a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSite } from "./site.js";
import { openTeach } from "./teach-page.js";

const site = openSite();
const SIDE = 28;

/** That an example has a line of ink down its middle, and none in its corners. @param {number[]} pixels */
function hasLine(pixels) {
  const at = (/** @type {number} */ row, /** @type {number} */ column) =>
    pixels[row * SIDE + column] ?? NaN;
  for (const row of [15, 17, 19]) assert.ok(at(row, 14) > 128, `row ${row}: ${at(row, 14)}`);
  for (const [row, column] of /** @type {const} */ ([
    [2, 2],
    [2, 25],
    [25, 2],
    [17, 4],
  ])) {
    assert.equal(at(row, column), 0);
  }
}

test("by keyboard an example is drawn, added, and removed again", async (t) => {
  const { visitor, page, place, button, hasExamples } = await openTeach(site, t);
  await place.getByRole("application").focus();
  await page.keyboard.press("Space");
  for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowDown");
  await button("Add this drawing").focus();
  await page.keyboard.press("Enter");
  await hasExamples(1);
  hasLine(await visitor.pixels(button("Remove example 1").locator("canvas")));
  // The pad is empty again.
  await place.getByRole("application", { name: /nothing drawn yet/ }).waitFor();
  await page.keyboard.press("Enter");
  await place.getByText("Draw something first.").waitFor();
  await button("Remove example 1").focus();
  await page.keyboard.press("Enter");
  await hasExamples(0);
  assert.deepEqual(visitor.complaints, []);
});

for (const hand of /** @type {const} */ (["finger", "pen"])) {
  test(`by a ${hand} an example is drawn and added, and the page does not scroll`, async (t) => {
    const { visitor, page, place, button, hasExamples } = await openTeach(site, t, {
      arrival: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
    });
    const pad = place.getByRole("application");
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    assert.ok(box !== null);
    const before = await page.evaluate(() => scrollY);
    const session = await page.context().newCDPSession(page);
    const x = box.x + (14.5 / SIDE) * box.width;
    for (let i = 0; i <= 6; i++) {
      const y = box.y + ((14.5 + i) / SIDE) * box.height;
      if (hand === "finger") {
        const type = i === 0 ? "touchStart" : "touchMove";
        await session.send("Input.dispatchTouchEvent", { type, touchPoints: [{ x, y }] });
      } else {
        const type = i === 0 ? "mousePressed" : "mouseMoved";
        const how = { button: /** @type {const} */ ("left"), buttons: 1, clickCount: 1 };
        await session.send("Input.dispatchMouseEvent", { type, x, y, pointerType: "pen", ...how });
      }
    }
    const y = box.y + (20.5 / SIDE) * box.height;
    if (hand === "finger") {
      await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    } else {
      const how = {
        button: /** @type {const} */ ("left"),
        clickCount: 1,
        pointerType: /** @type {const} */ ("pen"),
      };
      await session.send("Input.dispatchMouseEvent", { type: "mouseReleased", x, y, ...how });
    }
    assert.equal(await page.evaluate(() => scrollY), before);
    await place.getByRole("application", { name: /a drawing$/ }).waitFor();
    // A tap that follows a stroke within milliseconds is part of that gesture to the browser, and no click.
    const added = button("Remove example 1");
    await visitor.until(async () => {
      await button("Add this drawing").tap();
      return (await added.count()) === 1;
    });
    await hasExamples(1);
    hasLine(await visitor.pixels(button("Remove example 1").locator("canvas")));
    await button("Remove example 1").tap();
    await hasExamples(0);
    assert.deepEqual(visitor.complaints, []);
  });
}
