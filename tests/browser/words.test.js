// The essay for someone who has never heard of diffusion: its words have meanings, in every way of asking for them; its
// order is the forward walk before the way back; it can be read without a network and without scripts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { seeAllFigures } from "./figures.js";
import { launch } from "./helpers.js";
import { conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/** The meaning that is shown. @param {import("playwright-core").Page} page */
const shown = (page) => page.locator(".meaning:popover-open");

/** @param {import("./visitor.js").Visitor} visitor @param {string} name */
const word = ({ page }, name) => page.getByRole("button", { name, exact: true }).first();

describe("a word of the essay", () => {
  test("shows its meaning while pointed at, keeps it while that is pointed at, and drops it at Escape", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0");
    const { page } = visitor;
    const seed = word(visitor, "seed");
    await seed.hover();
    await shown(page).getByText("The same seed gives the same noise").waitFor();
    await shown(page).hover();
    // Longer than the moment that the pointer has to go there.
    await page.waitForTimeout(600);
    assert.ok(await shown(page).isVisible());
    await page.keyboard.press("Escape");
    await shown(page).waitFor({ state: "hidden" });
    await seed.hover();
    await shown(page).waitFor();
    await page.mouse.move(2, 2);
    await shown(page).waitFor({ state: "hidden" });
    await visitor.leave();
  });

  test("shows its meaning at the focus, which screen readers hear with it", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0");
    const { page } = visitor;
    const seed = word(visitor, "seed");
    await seed.focus();
    await shown(page).waitFor();
    const heard = await seed.evaluate(
      (at) => document.getElementById(at.getAttribute("aria-describedby") ?? "")?.textContent,
    );
    assert.equal(await shown(page).textContent(), heard);
    assert.deepEqual(await violations(page, page.locator(".essay .prelude")), []);
    await page.keyboard.press("Escape");
    await shown(page).waitFor({ state: "hidden" });
    assert.ok(await seed.evaluate((at) => at === document.activeElement), "the focus stays");
    await visitor.leave();
  });

  test("shows its meaning at a tap, inside the window, until something else is tapped", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0", {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    const { page } = visitor;
    const words = page.locator(".essay button.word");
    for (const i of [0, 3, 6]) {
      await words.nth(i).tap();
      const box = await shown(page).boundingBox();
      assert.ok(box !== null && box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
    }
    await page.getByRole("heading", { name: "The idea", exact: true }).tap();
    await shown(page).waitFor({ state: "hidden" });
    await visitor.leave();
  });

  test("has a meaning, each of which is used", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
    const { page } = visitor;
    await seeAllFigures(page);
    const { used, defined, undefinedWords } = await page.evaluate(() => ({
      used: [...document.querySelectorAll('[aria-describedby^="word-"]')].map(
        (at) => at.getAttribute("aria-describedby") ?? "",
      ),
      defined: [...document.querySelectorAll(".glossary dd")].map(({ id }) => id),
      undefinedWords: document.querySelectorAll("[data-word]").length,
    }));
    assert.equal(undefinedWords, 0);
    assert.deepEqual(
      defined.filter((id) => !used.includes(id)),
      [],
    );
    await visitor.leave();
  });
});

describe("a word of a figure", () => {
  test("has its meaning behind it, beside a number and where it names a control", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0&posterior.steps=10", {
      reducedMotion: "reduce",
    });
    const { page } = visitor;
    for (const [heading, name, means] of /** @type {const} */ ([
      [null, "Seed", /A number from which all the noise/],
      [null, "signal to noise", /how much stronger the image is than the noise/],
      [null, "Guidance", /How hard the walk is pulled/],
      ["How it learned", "squared error", /multiplied by itself/],
      ["If you knew the answer", "off by", /How far two images are apart/],
      ["Teach it", "Learning rate", /How much one step of training/],
      ["Teach it", "smoothed", /The mean of about the last 20 losses/],
    ])) {
      const figure = heading === null ? visitor.hero : await visitor.goTo(heading);
      await openMore(figure);
      const found = figure.getByRole("button", { name, exact: true }).first();
      // What figures above still draw may move it away from the pointer.
      await visitor.until(async () => {
        await page.mouse.move(2, 2);
        await found.hover();
        return shown(page).getByText(means).isVisible();
      });
      await page.keyboard.press("Escape");
      await shown(page).waitFor({ state: "hidden" });
    }
    // The word is the control's name as well.
    const teach = page.getByRole("region", { name: "Teach it" });
    await teach.getByRole("slider", { name: "Learning rate", exact: true }).waitFor();
    await visitor.hero.getByRole("slider", { name: "Guidance", exact: true }).waitFor();
    await visitor.hero.getByRole("spinbutton", { name: "Seed", exact: true }).waitFor();
    await page.getByText("What computes here").click();
    await word(visitor, "dispatches").hover();
    await shown(page)
      .getByText(/One order to the GPU/)
      .waitFor();
    await visitor.leave();
  });

  test("says below the choice what a sampler does: the chosen one, and the one that is pointed at", async () => {
    const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
    const { page, hero } = visitor;
    await openMore(hero);
    const choice = hero.getByRole("group", { name: "Sampler", exact: true });
    const radios = choice.getByRole("radio");
    /** @param {string | null | undefined} text */
    const inWords = (text) => (text ?? "").replace(/\s+/g, " ").trim();
    const says = async () => inWords(await choice.locator(".meanings > p:visible").textContent());
    assert.match(await says(), /^DDPM: The first sampler: many small steps/);
    /** @type {Set<string>} */
    const meanings = new Set();
    /** @type {Set<number>} */
    const heights = new Set();
    for (let i = 0; i < (await radios.count()); i++) {
      await radios.nth(i).hover();
      meanings.add(await says());
      heights.add((await choice.boundingBox())?.height ?? NaN);
      // Screen readers hear the same with the choice itself.
      const heard = inWords(
        await radios
          .nth(i)
          .evaluate(
            (at) => document.getElementById(at.getAttribute("aria-describedby") ?? "")?.textContent,
          ),
      );
      assert.ok(heard !== "" && (await says()).endsWith(heard), heard);
    }
    assert.equal(meanings.size, 7, [...meanings].join("\n"));
    assert.equal(heights.size, 1, `nothing below moves: ${[...heights]}`);
    await page.mouse.move(2, 2);
    await visitor.until(async () => (await says()).startsWith("DDPM"));
    await choice.getByRole("radio", { name: "Heun" }).check();
    assert.match(await says(), /^Heun: A sampler that asks twice in a step/);
    await page.evaluate(() => (location.hash = "#steps=10&at=0&sampler=unipc"));
    await visitor.until(async () => (await says()).startsWith("UniPC"));
    await visitor.leave();
  });
});

test("the letters of a formula are defined before it", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0");
  const order = await visitor.page.evaluate(() => {
    const all = [...document.querySelectorAll("main *")];
    /** @param {string} selector */
    const at = (selector) => all.findIndex((element) => element.matches(selector));
    return [
      at(".lede"),
      at("#walk-back"),
      at("#idea"),
      at('[data-figure="walk-forward"]'),
      at('[aria-label="One step forward"]'),
      at('[aria-label="Any number of steps forward at once"]'),
      at('[data-figure="learning"]'),
      at('[aria-label="The equations of one step"]'),
      at('[data-figure="one-jump"]'),
      at('[aria-label="The guess"]'),
      at('[data-figure="posterior"]'),
    ];
  });
  assert.ok(!order.includes(-1), order.join());
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  // Every figure stands before its formulas, and every question has an answer, folded away.
  const { late, unanswered } = await visitor.page.evaluate(() => ({
    late: [...document.querySelectorAll(".symbols")].filter(
      (symbols) => symbols.parentElement?.querySelector(":scope > .instrument ~ .symbols") === null,
    ).length,
    unanswered: [...document.querySelectorAll(".try")].filter(
      (at) => at.querySelector("details:not([open]) > p") === null,
    ).length,
  }));
  assert.deepEqual({ late, unanswered }, { late: 0, unanswered: 0 });
  await visitor.leave();
});

test("a footnote leads to its source and leaves the walk alone", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&seed=5&at=0", { reducedMotion: "reduce" });
  const { page } = visitor;
  await visitor.rests(0);
  const note = page.locator(".idea a.note").first();
  await note.click();
  const source = page.locator("#source-1");
  await visitor.until(() => source.evaluate((at) => at === document.activeElement));
  assert.match((await source.textContent()) ?? "", /2015\s+Sohl-Dickstein/);
  assert.equal(new URL(page.url()).hash, "#source-1&steps=10&seed=5&at=0");
  assert.equal(await visitor.seed.inputValue(), "5");
  // In the order of time, and each is used.
  const { years, unused } = await page.evaluate(() => ({
    years: [...document.querySelectorAll("#timeline .year")].map(({ textContent }) => textContent),
    unused: [...document.querySelectorAll("#timeline li")]
      .map(({ id }) => id)
      .filter((id) => document.querySelector(`a.note[href="#${id}"]`) === null),
  }));
  assert.deepEqual(years, [...years].sort());
  assert.deepEqual(unused, []);
  await visitor.leave();
});

test("of a model of other images no heading and no first sentence says digit", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0");
  const { page } = visitor;
  const wall = page.locator("#wall-title");
  assert.equal(await wall.textContent(), "A wall of digits");
  await drop(page, conformance("plain"));
  await visitor.until(async () => (await wall.textContent()) === "A wall of images");
  const said = await page
    .locator(".lede, .essay h2, .idea .words, #wall p, #teach .words p")
    .allTextContents();
  assert.deepEqual(
    said.filter((text) => /digit|stroke|handwriting/i.test(text)),
    [],
  );
  await visitor.leave();
});

test("without scripts the essay is there to read", async (t) => {
  const browser = await launch({
    webgpu: false,
    flags: ["--blink-settings=scriptEnabled=false"],
  });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(site.url);
  await page.locator("noscript p").waitFor();
  for (const heading of ["The idea", "How it learned", "Bend it", "Words"]) {
    assert.ok(await page.getByRole("heading", { name: heading, exact: true }).isVisible(), heading);
  }
  const gaps = await page
    .locator(".instrument")
    .evaluateAll((places) => places.map((place) => place.getBoundingClientRect().height));
  assert.ok(gaps.length > 10 && Math.max(...gaps) === 0, gaps.join());
  assert.ok(await page.getByRole("button", { name: "Keys" }).isHidden());
});
