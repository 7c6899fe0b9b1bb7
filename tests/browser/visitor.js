// The page as a visitor sees it: by roles and labels, never by ids.

import assert from "node:assert/strict";
import { watch } from "./policy.js";

/** @typedef {import("playwright-core").Page} Page */

/**
 * @typedef {object} Preparation what is special before the page is opened
 * @property {readonly string[]} [allowed] other origins that the visitor allows to be asked
 * @property {(context: import("playwright-core").BrowserContext) => unknown} [prepare] done before there is a page
 */
/** @typedef {import("playwright-core").BrowserContextOptions & Preparation} Arrival */

/**
 * Opens the page, and waits for nothing of it.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url with ?device=cpu where the device matters, and #... for a state
 * @param {Arrival} [arrival]
 */
export async function arrive(browser, url, { allowed, prepare, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    // What it answers no test could intercept.
    serviceWorkers: "block",
    ...options,
  });
  await prepare?.(context);
  const visitor = new Visitor(await context.newPage(), allowed);
  await visitor.page.goto(url);
  return visitor;
}

/**
 * Opens the page, and waits for the first answer of the network.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {Arrival} [arrival]
 * @param {number} [timeout]
 */
export async function visit(browser, url, arrival, timeout = 60_000) {
  const visitor = await arrive(browser, url, arrival);
  await visitor.unlessItFails(visitor.revealed(timeout), timeout);
  return visitor;
}

/**
 * Opens "More", where a figure has the controls that are not in sight at first.
 * @param {import("playwright-core").Locator} figure
 */
export async function openMore(figure) {
  const summary = figure.locator("summary", { hasText: /^More$/ });
  if (await summary.evaluate(({ parentElement }) => parentElement?.matches("[open]"))) return;
  await summary.click();
}

/** A page that has been opened, and what it complained about. */
export class Visitor {
  /** @type {string[]} errors on the console, and exceptions */
  complaints = [];

  /** @param {Page} page not yet at its address @param {readonly string[]} [allowed] other origins that the visitor allows to be asked */
  constructor(page, allowed = []) {
    this.page = page;
    watch(page, allowed);
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(error.message));
    // Other figures have dice and seeds of their own.
    const hero = page.getByRole("region", { name: "Walk back", exact: true });
    this.hero = hero;
    this.play = hero.getByRole("button", { name: /^Play/ });
    this.pause = hero.getByRole("button", { name: "Pause" });
    this.step = hero.getByRole("button", { name: "One step", exact: true });
    this.stepBack = hero.getByRole("button", { name: "One step back" });
    this.restart = hero.getByRole("button", { name: "Back to the start" });
    this.toEnd = hero.getByRole("button", { name: "To the end" });
    this.copyLink = hero.getByRole("button", { name: "Copy link" });
    this.scrubber = hero.getByRole("slider", { name: "Step of the walk" });
    this.dice = hero.getByRole("button", { name: "Another seed" });
    this.seed = hero.getByRole("spinbutton", { name: "Seed" });
    this.steps = hero.getByRole("slider", { name: "Number of steps" });
    this.guidance = hero.getByRole("slider", { name: "Guidance" });
    this.failure = page.getByRole("alert");
    this.xt = hero.getByRole("img", { name: /^The (noisy|finished) image/ });
    this.x0 = hero.getByRole("img", { name: /^The network's guess/ });
    this.eps = hero.getByRole("img", { name: /^The noise the network sees/ });
  }

  /** The hero's choice of a digit. @param {string} name */
  digit(name) {
    return this.page
      .getByRole("form", { name: "What to walk to" })
      .getByRole("radio", { name, exact: true });
  }

  /**
   * Scrolls to a figure, which creates it, with the hero paused so that it leaves the device alone.
   * @param {string} heading of the figure's section
   * @returns {Promise<import("playwright-core").Locator>} the section
   */
  async goTo(heading) {
    if (await this.pause.isVisible()) await this.pause.click();
    const section = this.page.getByRole("region", { name: heading });
    await section.scrollIntoViewIfNeeded();
    const place = section.locator("[data-figure][data-ready]");
    await place.waitFor();
    // The figures above have been created on the way and have grown since.
    for (let i = 0; i < 3; i++) {
      await this.page.waitForTimeout(150);
      await place.scrollIntoViewIfNeeded();
    }
    return section;
  }

  /** Ends the visit; whatever the page complained about on the console is an error. */
  async leave() {
    assert.deepEqual(this.complaints, []);
    await this.page.context().close();
  }

  /**
   * A readout of the hero, or a line of the details: the first of the name; or one of another part.
   * @param {string} term what stands above or beside it
   * @param {Page | import("playwright-core").Locator} [within]
   */
  async reads(term, within = this.page) {
    const rows = within.locator("dl > div");
    const row = rows.filter({ has: this.page.locator("dt").getByText(term, { exact: true }) });
    return ((await row.locator("dd").first().textContent()) ?? "").trim();
  }

  /** @returns {Promise<{ position: number, steps: number }>} */
  async position() {
    const [position = NaN, steps = NaN] = (await this.reads("step")).split(" of ").map(Number);
    return { position, steps };
  }

  /**
   * Waits until the page shows step `position` or a later one.
   * @param {number} position
   * @param {number} [timeout]
   */
  async reaches(position, timeout = 60_000) {
    await this.until(async () => (await this.position()).position >= position, timeout);
  }

  /**
   * Waits for something; what the page says that it failed at is an error at once.
   * @param {Promise<void>} hope
   * @param {number} [timeout]
   */
  async unlessItFails(hope, timeout = 60_000) {
    const fear = this.failure.waitFor({ timeout }).then(async () => {
      throw new Error(`the page says: ${await this.failure.textContent()}`);
    });
    await Promise.race([hope, fear]);
  }

  /**
   * Waits until all three pictures are there.
   * @param {number} [timeout]
   */
  async revealed(timeout = 60_000) {
    await this.x0.waitFor({ timeout });
    await this.eps.waitFor({ timeout });
  }

  /** What the three pictures show, value by value. */
  async frame() {
    return {
      xt: await this.pixels(this.xt),
      x0: await this.pixels(this.x0),
      eps: await this.pixels(this.eps),
    };
  }

  /**
   * Waits until the walk is paused at a position, with nothing left to compute.
   * @param {number} position
   */
  async rests(position) {
    await this.play.waitFor();
    await this.until(
      async () =>
        (await this.position()).position === position &&
        (await this.scrubber.inputValue()) === String(position) &&
        (await this.xt.getAttribute("aria-label"))?.includes(`step ${position} of`) === true,
    );
  }

  /** Moves the slider to the left end, one key at a time as the keyboard does. */
  async takeFewestSteps() {
    await openMore(this.hero);
    await this.steps.press("Home");
    await this.until(async () => (await this.position()).steps === 10);
  }

  /**
   * @param {() => Promise<boolean>} holds
   * @param {number} [timeout]
   */
  async until(holds, timeout = 60_000) {
    const end = Date.now() + timeout;
    while (!(await holds())) {
      assert.ok(Date.now() < end, `it took longer than ${timeout} ms: ${await this.situation()}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Nothing of the page lies beside the window. */
  async fits() {
    const excess = await this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    const width = this.page.viewportSize()?.width;
    assert.ok(excess <= 0, `the page is ${excess} pixels too wide for ${width}`);
  }

  /** What the page shows, for messages of tests. */
  async situation() {
    const failure = (await this.failure.allTextContents()).join("");
    return `step ${await this.reads("step")}; ${failure}; ${this.complaints.join("; ")}`;
  }

  /**
   * The grey values of a picture, 0 to 255; of one in colour the red ones, or those of another channel.
   * @param {import("playwright-core").Locator} picture
   * @param {number} [channel] 0 red, 1 green, 2 blue
   * @returns {Promise<number[]>}
   */
  async pixels(picture, channel = 0) {
    return picture.evaluate((canvas, which) => {
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no context");
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return Array.from(data.filter((_, i) => i % 4 === which));
    }, channel);
  }
}
