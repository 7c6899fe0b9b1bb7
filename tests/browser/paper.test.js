// The page on paper: a handout of what was seen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/** What fits between the margins of A4, in pixels. */
const SHEET = 680;

/**
 * A browser that prints lays the page out for the sheet, but tells no observer: plots stay as they were drawn.
 * @param {import("playwright-core").BrowserContext} context
 */
const withoutObserversOnPaper = (context) =>
  context.addInitScript(() => {
    globalThis.ResizeObserver = class extends ResizeObserver {
      /** @param {ResizeObserverCallback} callback */
      constructor(callback) {
        super((...seen) => {
          if (!matchMedia("print").matches) callback(...seen);
        });
      }
    };
  });

test("on paper a figure that was seen lies within the margins, and one that never was is left out with its text", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=3", {
    reducedMotion: "reduce",
    prepare: withoutObserversOnPaper,
  });
  const { page } = visitor;
  await visitor.rests(3);
  const learning = await visitor.goTo("How it learned");
  await learning
    .getByRole("img", { name: /^Squared error over t: 2[4-9] times/ })
    .waitFor({ timeout: 60_000 });
  const [seen, unseen] = await page
    .locator(".lesson[id]")
    .evaluateAll((lessons) =>
      ["[data-ready]", ":not([data-ready])"].map((state) =>
        lessons
          .filter((lesson) => lesson.querySelector(`[data-figure]${state}`) !== null)
          .map(({ id }) => id),
      ),
    );
  assert.ok(seen?.includes("learning") && unseen?.includes("wall"), `${seen}; ${unseen}`);

  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: SHEET, height: 990 });
  const shown = await page
    .locator(".lesson[id]")
    .evaluateAll((lessons) =>
      lessons.filter((lesson) => lesson.checkVisibility()).map(({ id }) => id),
    );
  assert.deepEqual(shown, seen);
  await visitor.fits();
  const wide = await page
    .locator("main canvas, main .plot, main math")
    .evaluateAll(
      (parts, sheet) =>
        parts
          .filter(
            (part) => part.checkVisibility() && part.getBoundingClientRect().right > sheet + 1,
          )
          .map((part) => part.outerHTML.slice(0, 90)),
      SHEET,
    );
  assert.deepEqual(wide, []);
  // Each plot is in its place whole, though that is narrower than it was.
  const cut = await page.locator("main .plot canvas").evaluateAll((plots) =>
    plots.flatMap((plot) => {
      const place = plot.closest(".area")?.getBoundingClientRect().right ?? NaN;
      const { right } = plot.getBoundingClientRect();
      return right > place + 1 ? `${right} of ${place}` : [];
    }),
  );
  assert.deepEqual(cut, []);
  // The three pictures as they stand, in one row; nothing that is pressed.
  const tops = await page
    .locator("#walk-back .screen")
    .evaluateAll((screens) => screens.map((screen) => screen.getBoundingClientRect().top));
  assert.equal(tops.length, 3);
  assert.ok(await visitor.play.isHidden());
  assert.ok(await learning.getByText("What you should see").isHidden());
  assert.ok(await learning.getByText(/The error rises from nearly 0/).isVisible());
  await visitor.leave();
});

test("on paper what shows nothing yet takes no room", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
  const { page } = visitor;
  const teach = await visitor.goTo("Teach it");
  const [walks, loss] = [
    teach.getByText("Sixteen walks from the same noise"),
    teach.getByText("The loss, step by step"),
  ];
  assert.ok((await walks.isVisible()) && (await loss.isVisible()));
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.ok((await walks.isHidden()) && (await loss.isHidden()));
  // What was drawn is there.
  assert.ok(await visitor.xt.isVisible());
  await visitor.leave();
});

test("on paper Teach it has the examples that it was shown, no pad to draw on, and switches that are off as well", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
  const { page } = visitor;
  const teach = await visitor.goTo("Teach it");
  await openMore(teach);
  await teach.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
  const examples = teach.getByRole("list", { name: /^Examples/ }).locator("canvas");
  await examples.nth(9).waitFor();
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.ok(await examples.nth(9).isVisible());
  assert.ok(await teach.locator(".drawing-pad").isHidden());
  const borders = await teach
    .getByRole("switch")
    .evaluateAll((all) => all.map((one) => parseFloat(getComputedStyle(one).borderTopWidth)));
  assert.equal(borders.length, 3);
  assert.ok(
    borders.every((width) => width > 0),
    String(borders),
  );
  await visitor.leave();
});
