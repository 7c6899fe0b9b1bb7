// Every screen and hand: fingers that scroll, phones on their side, large text, ears, slow networks.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seeAllFigures } from "./figures.js";
import { canHoldAnswers, holdAnswers, letAnswersGo } from "./held-answers.js";
import { openSite } from "./site.js";

const site = openSite();

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const CALM = /** @type {const} */ ({ reducedMotion: "reduce" });

/** @param {import("./visitor.js").Arrival} [arrival] @param {string} [state] */
const visit = (arrival, state = "steps=10&at=0") => site.visit(`?device=cpu#${state}`, arrival);

/**
 * A finger that comes down on something and goes somewhere.
 * @param {import("playwright-core").Locator} target
 * @param {{ x?: number, y?: number }} way in pixels
 * @param {number} [from] share of the target's width
 */
async function swipe(target, { x = 0, y = 0 }, from = 0.8) {
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  assert.ok(box !== null);
  const session = await target.page().context().newCDPSession(target.page());
  const [left, top] = [box.x + from * box.width, box.y + box.height / 2];
  /** @param {"touchStart" | "touchMove" | "touchEnd"} type @param {{ x: number, y: number }[]} touchPoints */
  const touch = (type, touchPoints) =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", [{ x: left, y: top }]);
  for (let part = 1; part <= 12; part++) {
    await touch("touchMove", [{ x: left + (x * part) / 12, y: top + (y * part) / 12 }]);
    await target.page().waitForTimeout(16);
  }
  await touch("touchEnd", []);
}

describe("a finger", () => {
  test("that scrolls from a slider or a plot leaves it as it is, and one that goes sideways moves it", async () => {
    const visitor = await visit({ ...PHONE, ...CALM }, "steps=10&at=0&guidance=1&learn.t=400");
    const { page } = visitor;
    await visitor.guidance.scrollIntoViewIfNeeded();
    const before = await page.evaluate(() => scrollY);
    await swipe(visitor.guidance, { y: -250 });
    await visitor.until(async () => (await page.evaluate(() => scrollY)) > before + 100, 5000);
    assert.equal(await visitor.guidance.inputValue(), "1");
    assert.ok(!page.url().includes("guidance=3"), page.url());

    const section = await visitor.goTo("How it learned");
    const slider = section.getByRole("slider", { name: "Time t" });
    await swipe(slider, { y: -200 });
    assert.equal(await slider.inputValue(), "400");
    const plot = section.getByRole("img", { name: /^Squared error over t/ });
    await plot.locator(".u-over").waitFor();
    await swipe(plot, { y: -200 });
    assert.equal(await slider.inputValue(), "400");
    await slider.scrollIntoViewIfNeeded();
    const box = await slider.boundingBox();
    assert.ok(box !== null);
    await page.touchscreen.tap(box.x + box.width * 0.8, box.y + box.height / 2);
    await visitor.until(async () => Number(await slider.inputValue()) > 700);
    await swipe(slider, { x: -150 });
    await visitor.until(async () => Number(await slider.inputValue()) < 600);
    await visitor.leave();
  });

  test("is not offered keys", async () => {
    const visitor = await visit(PHONE);
    assert.ok(await visitor.page.getByRole("button", { name: "Keys" }).isHidden());
    assert.ok(await visitor.page.getByText("all keys").isHidden());
    assert.ok(await visitor.page.getByRole("button", { name: "Open a model" }).isVisible());
    await visitor.leave();
  });

  test("leads to a step by the strip of pictures, as a mouse does", async () => {
    const visitor = await visit(CALM, "steps=10&at=9");
    await visitor.rests(9);
    const strip = visitor.page.locator("#walk-back .strip canvas");
    const box = await strip.boundingBox();
    assert.ok(box !== null);
    // The seventh of twelve pictures.
    await strip.click({ position: { x: box.width * (6.5 / 12), y: box.height / 2 } });
    await visitor.rests(Math.round((6 * 10) / 11));
    await visitor.leave();
  });
});

// The second is also a window of 1280 x 900 in which everything is twice as large.
for (const [width, height] of /** @type {const} */ ([
  [844, 390],
  [640, 450],
  [667, 375],
])) {
  test(`a phone on its side, ${width} x ${height}, shows the picture and what plays it together`, async () => {
    const visitor = await visit(
      { ...PHONE, ...CALM, viewport: { width, height } },
      "steps=10&at=0&guidance=1",
    );
    const all = await visitor.hero.locator(".transport button").all();
    for (const part of [visitor.xt, ...all]) {
      const box = await part.boundingBox();
      assert.ok(box !== null && box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
      assert.ok(box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
    }
    // What is written in a choice stays in it; "More" is open.
    const cut = await visitor.hero
      .locator(".choices label")
      .evaluateAll((labels) =>
        labels
          .filter((label) => label.scrollWidth > label.clientWidth)
          .map((label) => label.textContent),
      );
    assert.deepEqual(cut, []);
    await visitor.fits();
    await visitor.leave();
  });
}

for (const { name, width, text } of [
  { name: "320 pixels", width: 320, text: "100%" },
  { name: "390 pixels with text of twice the size", width: 390, text: "200%" },
]) {
  test(`at ${name} nothing lies beside the window`, async () => {
    const visitor = await visit(
      { ...CALM, viewport: { width, height: 800 } },
      "steps=10&at=0&posterior.steps=10",
    );
    const { page } = visitor;
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    await seeAllFigures(page);
    const walks = await visitor.goTo("If you knew the answer");
    await walks.getByText("image", { exact: true }).last().waitFor({ timeout: 120_000 });
    await visitor.fits();
    /** What is beside the window and cannot be scrolled to. */
    const cut = await page.evaluate(() => {
      const right = document.documentElement.clientWidth;
      return [...document.querySelectorAll("main *, header *, footer *")]
        .filter((element) => {
          const box = element.getBoundingClientRect();
          if (box.width === 0 || box.right <= right + 1) return false;
          if (element.closest(".unseen, math, canvas, .uplot") !== null) return false;
          for (let at = element.parentElement; at !== null; at = at.parentElement) {
            if (getComputedStyle(at).overflowX !== "visible") return false;
          }
          return true;
        })
        .map((element) => element.outerHTML.slice(0, 90));
    });
    assert.deepEqual(cut, []);
    // No word and no number is broken: a text has no more lines than words.
    const broken = await page.evaluate(() =>
      [
        ...document.querySelectorAll(
          ".forward-table tbody :is(th, td), .learning-table tbody :is(th, td), [data-figure=posterior] .filmstrip figcaption",
        ),
      ]
        .flatMap((part) => [...part.childNodes, ...(part.querySelector("small")?.childNodes ?? [])])
        .filter((text) => {
          if (!(text instanceof Text)) return false;
          const range = document.createRange();
          range.selectNodeContents(text);
          const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
          return new Set(tops).size > text.data.trim().split(/\s+/).length;
        })
        .map((text) => text.textContent),
    );
    assert.deepEqual(broken, []);
    await visitor.leave();
  });
}

test("figures that walk speak once, when they have arrived", async () => {
  const visitor = await visit(
    {},
    "steps=10&at=0&compareA.steps=10&compareB.steps=10&repaint.resamplings=1",
  );
  const { page } = visitor;
  await page.evaluate(() => {
    /** @type {string[]} */
    const said = [];
    Object.assign(globalThis, { said });
    new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        const live = element?.closest("[role=status], [role=alert], output, [aria-live]");
        if (live === null || live === undefined || live.getAttribute("aria-live") === "off")
          continue;
        const figure = live.closest("[data-figure]")?.getAttribute("data-figure");
        if (figure !== undefined && live.textContent !== "")
          said.push(`${figure}: ${live.textContent}`);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  for (const [heading, end] of /** @type {[string, RegExp][]} */ ([
    ["One noisy image, many answers", /^Sixteen images/],
    ["Same noise, other samplers", /^Chain A, the image/],
    ["Finish a scribble", /^Four walks to 2 from your drawing at t = \d+$/],
    ["Fill a gap", /^Four ways to fill the gap in the 3$/],
    ["Between two noises", /^The image at 50 % of the way$/],
  ])) {
    const section = await visitor.goTo(heading);
    await section.getByRole("img", { name: end }).first().waitFor({ timeout: 120_000 });
  }
  const said = await page.evaluate(
    () => /** @type {{ said: string[] }} */ (Object(globalThis)).said,
  );
  for (const figure of [
    "many-answers",
    "samplers",
    "bend-scribble",
    "bend-repaint",
    "bend-between",
  ]) {
    const own = said.filter((text) => text.startsWith(`${figure}: `));
    assert.ok(own.length <= 2, own.join("\n"));
  }
  assert.ok(
    said.some((text) => text.startsWith("many-answers: Sixteen images")),
    said.join("\n"),
  );
  await visitor.leave();
});

test("a plot gives its values where it is pointed at and has the focus", async () => {
  const visitor = await visit(CALM);
  const section = await visitor.goTo("How it learned");
  const plot = section.getByRole("img", { name: /^Squared error over t: 2[4-9] times/ });
  await plot.waitFor({ timeout: 60_000 });
  const values = section.locator(".plot-values").first();
  const box = await plot.locator(".u-over").boundingBox();
  assert.ok(box !== null);
  await plot.locator(".u-over").hover({ position: { x: box.width - 2, y: box.height / 2 } });
  await values.getByText(/^t 999: the network 2\.7 · 10⁻⁵, /).waitFor();
  await visitor.page.mouse.move(0, 0);
  await values.waitFor({ state: "hidden" });
  await plot.focus();
  await visitor.page.keyboard.press("Home");
  await values.getByText(/^t 0: the network 0\.41/).waitFor();
  await section
    .getByRole("status")
    .getByText(/^t 0: the network 0\.41/)
    .waitFor();
  await visitor.page.keyboard.press("Escape");
  await values.waitFor({ state: "hidden" });
  await visitor.leave();
});

test("a network that takes long is seen to work within 200 ms, and a fast one is not flagged", async () => {
  const prepare = (/** @type {import("playwright-core").BrowserContext} */ context) =>
    context.addInitScript(() => {
      const send = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (
        /** @type {any} */ message,
        /** @type {any} */ more,
      ) {
        const slow = message?.method === "step" && Object(globalThis).slow === true;
        setTimeout(() => send.call(this, message, more), slow ? 2000 : 0);
      };
    });
  const visitor = await visit({ ...CALM, prepare });
  await visitor.rests(0);
  const { page } = visitor;
  await page.waitForTimeout(700);
  const line = page.locator(".busy");
  assert.ok(await line.isHidden());
  await page.evaluate(() => {
    Object.assign(globalThis, { slow: true });
    addEventListener("click", () => Object.assign(globalThis, { asked: performance.now() }), true);
    const line = document.querySelector(".busy");
    if (line === null) throw new Error("no line");
    new MutationObserver(() => {
      if (!line.hasAttribute("hidden")) Object.assign(globalThis, { seen: performance.now() });
    }).observe(line, { attributes: true });
  });
  await visitor.step.click();
  await line.waitFor({ timeout: 1500 });
  const seen = await page.evaluate(() => {
    const { asked, seen } = /** @type {{ asked: number, seen: number }} */ (Object(globalThis));
    return seen - asked;
  });
  assert.ok(seen < 200, `${Math.round(seen)} ms`);
  await visitor.reaches(1);
  await line.waitFor({ state: "hidden" });
  await visitor.leave();
});

test("a long answer shows how much of it is there", async () => {
  const visitor = await visit({ ...CALM, prepare: canHoldAnswers });
  await visitor.rests(0);
  const { page } = visitor;
  const part = page.getByText(/^\d+ % of the network's answer$/);
  await holdAnswers(page);
  await visitor.step.click();
  await part.waitFor();
  await letAnswersGo(page);
  await visitor.reaches(1);
  await part.waitFor({ state: "hidden" });
  await visitor.leave();
});

test("no address makes a notice taller than the window, or the page wider", async () => {
  const many = Array.from({ length: 200 }, (_, i) => `no-such-setting-${i}${"x".repeat(300)}=1`);
  const visitor = await visit({ ...PHONE, ...CALM }, ["steps=10&at=0", ...many].join("&"));
  const notice = visitor.page.getByText(/no-such-setting-0/);
  const box = await notice.boundingBox();
  assert.ok(box !== null && box.height <= 0.45 * 844, JSON.stringify(box));
  await visitor.fits();
  await visitor.leave();
});
