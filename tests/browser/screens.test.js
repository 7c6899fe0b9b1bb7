// Screens of every size: the transport on the smallest, figures alone on the largest, and what is set near what is watched.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSite } from "./site.js";

const site = openSite();

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const CALM = /** @type {const} */ ({ reducedMotion: "reduce" });

/** @param {import("./visitor.js").Arrival} arrival @param {string} [state] */
const visit = (arrival, state = "steps=10&at=0") => site.visit(`?device=cpu#${state}`, arrival);

for (const { width, text, lines } of [
  { width: 390, text: "100%", lines: 1 },
  { width: 360, text: "100%", lines: 1 },
  { width: 320, text: "100%", lines: 2 },
  { width: 390, text: "200%", lines: 2 },
]) {
  test(`at ${width} pixels with text of ${text} what plays the walk has ${lines} lines, none with a gap`, async () => {
    const visitor = await visit({ ...CALM, viewport: { width, height: 800 } }, "steps=10&at=10");
    const { page } = visitor;
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    // The longest name.
    await visitor.until(async () => (await visitor.play.textContent()) === "Play again");
    const buttons = await page
      .locator("#walk-back .transport button")
      .evaluateAll((found) => found.map((button) => button.getBoundingClientRect().toJSON()));
    const tops = [...new Set(buttons.map(({ top }) => Math.round(top)))];
    assert.equal(tops.length, lines, JSON.stringify(buttons));
    const { left, right } = await page.locator("#walk-back").evaluate((walk) => {
      const box = walk.getBoundingClientRect();
      return { left: box.left, right: box.right };
    });
    for (const top of tops) {
      const line = buttons.filter((button) => Math.round(button.top) === top);
      assert.ok(Math.abs(Math.min(...line.map((one) => one.left)) - left) < 2, `${width}: ${top}`);
      assert.ok(
        Math.abs(Math.max(...line.map((one) => one.right)) - right) < 2,
        `${width}: ${top}`,
      );
    }
    // What stands in a button is seen whole.
    for (const part of await page.locator("#walk-back .transport .primary").all()) {
      const hidden = await part.evaluate((button) => button.scrollWidth - button.clientWidth);
      assert.ok(hidden <= 0, `${hidden} pixels of its name are cut`);
    }
    // The name of the plot above them covers no part of it.
    const plot = page.getByRole("img", { name: /^How much the guess changes per step/ });
    const [name, area] = await Promise.all(
      [page.getByText("change of").first(), plot].map((part) => part.boundingBox()),
    );
    assert.ok(name && area && name.y + name.height <= area.y + 1, JSON.stringify({ name, area }));
    await visitor.leave();
  });
}

test("seen alone the first figure is larger, its controls are folded to two, and arrows step its walk", async () => {
  const visitor = await visit({ ...CALM, viewport: { width: 1440, height: 900 } }, "steps=10&at=3");
  const { page } = visitor;
  await visitor.rests(3);
  const size = () =>
    page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  const before = await size();
  const controls = visitor.hero.locator("[data-setting]");
  const seen = () =>
    controls.evaluateAll((all) => all.filter((control) => control.checkVisibility()).length);
  // The address sets what is behind "More", so that it is open.
  assert.ok((await seen()) > 2);
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement?.className === "walk-frame");
  assert.ok((await size()) >= 1.2 * before, `${await size()} pixels, ${before} in the page`);
  for (const part of [visitor.xt, visitor.play, visitor.scrubber]) {
    const box = await part.boundingBox();
    assert.ok(box !== null && box.y >= 0 && box.y + box.height <= 900, JSON.stringify(box));
  }
  assert.equal(await seen(), 2);
  await page.keyboard.press("ArrowRight");
  await visitor.rests(4);
  // Escape leaves, too, but that is the browser's own, which one without a window does not have.
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement === null);
  assert.equal(await size(), before);
  await visitor.until(async () => (await seen()) > 2);
  await visitor.leave();
});

test("on a phone the controls of two samplers are on the screen with their pictures", async () => {
  const visitor = await visit({ ...PHONE, ...CALM });
  const section = await visitor.goTo("Same noise, other samplers");
  const picture = section.getByRole("img", { name: /^Chain A/ });
  await picture.waitFor();
  const top = (await picture.boundingBox())?.y ?? NaN;
  const differences = section.getByRole("img", { name: /^The difference/ });
  const difference = await differences.first().boundingBox();
  for (const control of [
    section.getByRole("group", { name: /^(Digit|Class)$/ }),
    section.getByRole("spinbutton", { name: /^Seed/ }),
  ]) {
    const box = await control.boundingBox();
    assert.ok(box !== null && box.y + box.height - top <= 844, JSON.stringify({ box, top }));
    // What comes of the pictures is below what makes them.
    assert.ok(
      difference !== null && box.y + box.height <= difference.y,
      JSON.stringify(difference),
    );
  }
  await visitor.leave();
});
