// What a figure shows at first: its idea and at most two controls. The rest is behind "More".

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seeAllFigures } from "./figures.js";
import { SLOW } from "./helpers.js";
import { openSite } from "./site.js";

const site = openSite();
const HEADING = "One noisy image, many answers";
const CALM = /** @type {const} */ ({ reducedMotion: "reduce" });

/** What can be set in a figure without opening anything, by its settings' names. @param {import("playwright-core").Page} page */
const inSight = (page) =>
  page.$$eval("[data-figure]", (places) =>
    places.map((place) => {
      const controls = [...place.querySelectorAll("input, select, .choice")].filter(
        (control) =>
          control.checkVisibility({ contentVisibilityAuto: false }) &&
          control.closest(".more > div") === null &&
          // Of a choice each radio button belongs to the same control; a scrubber and a pad are part of the picture.
          !control.matches("[type=radio], [readonly]") &&
          control.closest(".scrubber, .way, .drawing-pad, [hidden]") === null,
      );
      const named = controls.map(
        (control) =>
          control.closest("[data-setting]") ??
          control.closest(".digit-picker") ??
          control.parentElement ??
          control,
      );
      return { figure: place.getAttribute("data-figure") ?? "", count: new Set(named).size };
    }),
  );

describe("a figure", () => {
  test("shows at most two controls until More is opened", async () => {
    const visitor = await site.visit("?device=cpu", CALM);
    const { page } = visitor;
    await seeAllFigures(page);
    const figures = await inSight(page);
    assert.ok(figures.length >= 13, `${figures.length} figures`);
    for (const { figure, count } of figures) assert.ok(count <= 2, `${figure} shows ${count}`);
    assert.ok(figures.filter(({ count }) => count === 2).length > 5, JSON.stringify(figures));
    const all = await page.locator("[data-figure] details.more").count();
    assert.ok(all >= 13, `${all} of ${figures.length} have more`);
    assert.equal(await page.locator("[data-figure] details.more[open]").count(), 0);
    await visitor.leave();
  });

  test("opens More by keyboard, and shows there what it keeps in the address", async () => {
    const visitor = await site.visit("?device=cpu#steps=10", CALM);
    const section = await visitor.goTo("How it learned");
    const summary = section.getByText("More", { exact: true });
    const seed = section.getByRole("spinbutton", { name: "Seed" });
    assert.ok(await seed.isHidden());
    await summary.focus();
    await summary.press("Enter");
    await seed.fill("5");
    await seed.press("Enter");
    await visitor.until(async () => visitor.page.url().includes("learn.seed=5"));
    await summary.press("Space");
    assert.ok(await seed.isHidden());
    await visitor.leave();
  });
});

describe("More opens by itself", () => {
  /** @param {string} hash @param {string} heading */
  const open = async (hash, heading) => {
    const visitor = await site.visit(`?device=cpu#steps=10&${hash}`, CALM);
    const section = await visitor.goTo(heading);
    return { visitor, section, more: section.locator("details.more") };
  };

  test("where a link sets one of its controls, and not where it sets one in sight", async () => {
    const { visitor, section, more } = await open("many.steps=4&learn.t=7", HEADING);
    assert.ok(await more.evaluate((details) => details.matches("[open]")));
    assert.ok(await section.getByRole("slider", { name: "Steps of each walk" }).isVisible());
    const learning = await visitor.goTo("How it learned");
    assert.equal(await learning.locator("details.more[open]").count(), 0);
    await visitor.leave();
  });

  test("where a link is followed on the open page", async () => {
    const { visitor, section, more } = await open("learn.t=7", "How it learned");
    assert.equal(await more.evaluate((details) => details.matches("[open]")), false);
    await visitor.page.evaluate(() => (location.hash = "#steps=10&learn.seed=9"));
    await section.getByRole("spinbutton", { name: "Seed" }).waitFor();
    assert.ok(await more.evaluate((details) => details.matches("[open]")));
    await visitor.leave();
  });

  test("not where a copied link says what the page itself chooses", async () => {
    // 12 steps are what the page takes on a CPU.
    const { visitor, more } = await open("many.t=60&many.steps=12", HEADING);
    assert.equal(await more.evaluate((details) => details.matches("[open]")), false);
    await visitor.leave();
  });

  test("in an embed too", async (t) => {
    for (const [hash, opened] of /** @type {const} */ ([
      ["many.steps=4", 1],
      ["many.t=60", 0],
    ])) {
      const { page } = await site.visitWith(t, {}, `?device=cpu&embed=many-answers#${hash}`, CALM);
      await page.locator("[data-figure=many-answers][data-ready]").waitFor({ timeout: SLOW / 5 });
      assert.equal(await page.locator("details.more[open]").count(), opened, hash);
    }
  });

  test("on paper, and closes again", async () => {
    const { visitor, section } = await open("learn.t=7", "How it learned");
    // Hidden until it is printed.
    const seed = section.getByRole("spinbutton", { name: "Seed", includeHidden: true });
    /** @param {string} event as the browser sends it */
    const print = (event) => visitor.page.evaluate((name) => dispatchEvent(new Event(name)), event);
    await print("beforeprint");
    assert.ok(await seed.isVisible());
    assert.equal(await visitor.page.locator("details:not([open])").count(), 0);
    await print("afterprint");
    assert.ok(await seed.isHidden());
    await visitor.leave();
  });
});
