// How figures come, fail and come again, whatever is in them: without a model, so at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSite } from "./site.js";
import { chainsOf, showFigures, standInPage } from "./stand-in.js";

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

  test("whose styles alone failed to load says so, and has them when it is tried again", async (t) => {
    const { page, answers } = await open(t);
    answers["/web/figures/wall.css"] = { status: 503 };
    await showFigures(page, { only: ["wall"] });
    await page.locator(wall).scrollIntoViewIfNeeded();
    const failure = page.locator(`${wall} .figure-failure`);
    await failure.getByText("The style sheet of this figure could not be loaded.").waitFor();
    assert.equal(await page.locator(`${wall} canvas`).count(), 0, "nothing without its styles");
    delete answers["/web/figures/wall.css"];
    await failure.getByRole("button", { name: "Try again" }).click();
    await page.locator(`${wall}[data-ready] .wall`).waitFor();
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

test(
  "what a model draws for a figure stands still while nobody looks, and ends with the figure",
  {
    timeout: 20_000,
  },
  async (t) => {
    const { page } = await open(t);
    await page.waitForFunction(() => "gate" in globalThis);
    await page.evaluate("gate.rest(true)");
    await showFigures(page, { only: ["posterior"], shape: [1, 3, 32, 32] });
    await page.locator('[data-figure="posterior"]').scrollIntoViewIfNeeded();
    const chain = async () => (await chainsOf(page))[0];
    while ((await chain()) === undefined) await page.waitForTimeout(30);
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(300);
    await page.evaluate("gate.rest(false)");
    await page.waitForTimeout(300);
    const resting = await chain();
    assert.deepEqual([resting?.steps, resting?.closed], [1, false], "only the step in progress");
    await page.evaluate("endFigures()");
    while ((await chain())?.closed !== true) await page.waitForTimeout(30);
  },
);
