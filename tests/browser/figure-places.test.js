// How figures come, fail and come again, whatever is in them: without a model, so at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSite } from "./site.js";
import { showFigures, standInPage } from "./stand-in.js";

const site = openSite();
const wall = '[data-figure="wall"]';

/**
 * @param {import("node:test").TestContext} t
 * @param {import("./visitor.js").Arrival} [arrival]
 */
async function open(t, arrival) {
  const answers = await standInPage();
  const { page } = await site.visitWith(t, answers, "", arrival);
  return { page, answers };
}

describe("a figure", () => {
  test("comes where the newest of several changes says that its place is near", async (t) => {
    const { page } = await open(t, {
      prepare: (context) =>
        context.addInitScript(() => {
          // What a busy page delivers: an older change and the newest, at once.
          const Native = IntersectionObserver;
          globalThis.IntersectionObserver = class extends Native {
            /** @param {IntersectionObserverCallback} tell @param {IntersectionObserverInit} [options] */
            constructor(tell, options) {
              super((changes, observer) => {
                const [newest] = changes;
                if (newest === undefined) return;
                const { boundingClientRect, intersectionRect, rootBounds, target, time } = newest;
                const isIntersecting = !newest.isIntersecting;
                const older = {
                  boundingClientRect,
                  intersectionRect,
                  intersectionRatio: 0,
                  isIntersecting,
                  rootBounds,
                  target,
                  time,
                };
                tell([older, ...changes], observer);
              }, options);
            }
          };
        }),
    });
    await showFigures(page, { only: ["wall"] });
    await page.locator(wall).scrollIntoViewIfNeeded();
    await page.locator(`${wall}[data-ready]`).waitFor({ timeout: 5000 });
  });

  test("whose code or styles failed to load has both when it is tried again", async (t) => {
    const { page, answers } = await open(t);
    for (const file of ["wall.js", "wall.css"]) answers[`/web/figures/${file}`] = { status: 503 };
    await showFigures(page, { only: ["wall"] });
    await page.locator(wall).scrollIntoViewIfNeeded();
    const failure = page.locator(`${wall} .figure-failure`);
    await failure.getByText("Check the connection and try again.").waitFor();
    for (const file of ["wall.js", "wall.css"]) delete answers[`/web/figures/${file}`];
    await failure.getByRole("button", { name: "Try again" }).click();
    await page.locator(`${wall}[data-ready]`).waitFor();
    const columns = await page
      .locator(`${wall} .wall`)
      .evaluate((element) => getComputedStyle(element).display);
    assert.equal(columns, "grid");
  });
});
