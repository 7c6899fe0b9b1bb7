// The page for everyone: by keyboard, by screen reader, without motion, on every width, and never stuck.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { seeAllFigures } from "./figures.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

/** @typedef {import("./visitor.js").Visitor} Visitor */

/** A task of the page's thread that is longer would be felt, in milliseconds. */
const LONGEST_TASK = 50;

const site = openSite();

/**
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @param {string} [hash]
 */
const visit = (options, hash = "steps=10") => site.visit(`?device=cpu#${hash}`, options);

describe("axe finds nothing", () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const width of [1280, 390]) {
      test(`${colorScheme}, ${width} pixels wide, all figures there`, async () => {
        const visitor = await visit({
          colorScheme,
          viewport: { width, height: 900 },
          reducedMotion: "reduce",
        });
        const { page } = visitor;
        await seeAllFigures(page);
        const closed = page.locator("details:not([open]) > summary");
        assert.ok((await closed.count()) > 10);
        while ((await closed.count()) > 0) await closed.first().click();
        assert.deepEqual(await violations(page, page.locator("html")), []);
        await page.keyboard.press("?");
        const help = page.getByRole("dialog", { name: "Keys" });
        await help.waitFor();
        assert.deepEqual(await violations(page, help), []);
        await visitor.leave();
      });
    }
  }
});

describe("by keyboard", () => {
  test("every control is reached in the order of the page, and its focus is seen", async () => {
    const visitor = await visit({ reducedMotion: "reduce" }, "steps=10&at=3");
    await visitor.rests(3);
    await openMore(visitor.hero);
    await visitor.page.evaluate(() => {
      // From the very top, as after loading.
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      window.getSelection()?.removeAllRanges();
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.removeAttribute("tabindex");
    });
    /** What has the focus, marked as visited; null at the end of the page. */
    const focused = () =>
      visitor.page.evaluate(() => {
        const at = document.activeElement;
        if (!(at instanceof HTMLElement) || at === document.body) return null;
        if (at.dataset["visited"] !== undefined) return null;
        at.dataset["visited"] = "";
        const label = at instanceof HTMLInputElement ? at.labels?.[0] : null;
        const outlined = [at, label].some((candidate) => {
          if (!(candidate instanceof HTMLElement)) return false;
          const { outlineStyle, outlineWidth } = getComputedStyle(candidate);
          return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
        });
        const name = at.getAttribute("aria-label") ?? label?.textContent ?? at.textContent ?? "";
        return { name: `${at.tagName} ${name.trim()}`, outlined };
      });
    /** @type {string[]} */
    const reached = [];
    for (;;) {
      await visitor.page.keyboard.press("Tab");
      const focus = await focused();
      if (focus === null) break;
      assert.ok(focus.outlined, `the focus on ${focus.name} cannot be seen`);
      reached.push(focus.name);
    }
    /** What could have had the focus and did not. */
    const missed = await visitor.page.evaluate(() => {
      const all = document.querySelectorAll(
        "a[href], button, input, summary, select, textarea, [tabindex]",
      );
      return [...all].flatMap((control) => {
        if (!(control instanceof HTMLElement) || control.dataset["visited"] !== undefined)
          return [];
        const seen = control.checkVisibility({ visibilityProperty: true });
        const stop = control.tabIndex >= 0 && !control.matches(":disabled");
        // Of radio buttons only the chosen one is a stop; a control that has just come is a stop next time.
        const radio = control.matches("input[type=radio]:not(:checked)");
        const late = control.closest("[data-figure]:not(#walk-back)") !== null;
        return seen && stop && !radio && !late ? [control.outerHTML.slice(0, 120)] : [];
      });
    });
    assert.deepEqual(missed, []);
    for (const name of [
      /Keys/,
      /Step of the walk/,
      /Copy link/,
      /Back to the start/,
      /One step back/,
      /Play/,
      /To the end/,
      /1×/,
      /INPUT 3/,
      /Seed/,
      /Another seed/,
      /Number of steps/,
      /Guidance/,
      /DDPM/,
      /leading/,
      /What computes here/,
    ]) {
      assert.ok(
        reached.some((control) => name.test(control)),
        `${name} in ${reached.join(", ")}`,
      );
    }
    await visitor.leave();
  });

  test("space, arrows, shift and arrows, r, d and ? do what the help says", async () => {
    const visitor = await visit({}, "steps=50&at=3");
    await visitor.rests(3);
    const { keyboard } = visitor.page;
    await keyboard.press("ArrowRight");
    await visitor.rests(4);
    await keyboard.press("Shift+ArrowRight");
    await visitor.rests(14);
    await keyboard.press("ArrowLeft");
    await visitor.rests(13);
    await keyboard.press("Shift+ArrowLeft");
    await visitor.rests(3);
    await keyboard.press("Space");
    await visitor.pause.waitFor();
    await keyboard.press("Space");
    await visitor.play.waitFor();
    await keyboard.press("r");
    await visitor.rests(0);
    const seed = await visitor.seed.inputValue();
    await keyboard.press("d");
    assert.notEqual(await visitor.seed.inputValue(), seed);

    await keyboard.press("?");
    const help = visitor.page.getByRole("dialog", { name: "Keys" });
    await help.waitFor();
    await visitor.rests(0);
    await keyboard.press("ArrowRight");
    await visitor.page.waitForTimeout(200);
    assert.equal((await visitor.position()).position, 0, "behind the dialog nothing moves");
    await keyboard.press("Escape");
    await help.waitFor({ state: "hidden" });
    await visitor.page.getByRole("button", { name: "Keys" }).click();
    await help.getByRole("button", { name: "Close" }).click();
    await help.waitFor({ state: "hidden" });
    await visitor.leave();
  });
});

test("the table of contents goes to a figure and leaves the walk alone", async () => {
  const visitor = await visit({ reducedMotion: "reduce" }, "steps=10&seed=5&at=1");
  await visitor.rests(1);
  const contents = visitor.page.getByRole("navigation", { name: "Contents" });
  const link = contents.getByRole("link").nth(1);
  const others = await visitor.page.locator("section.lesson:not([hidden])").count();
  assert.equal(await contents.getByRole("link").count(), 1 + others, "the hero, and each other");
  const name = (await link.textContent()) ?? "";
  await link.click();
  const heading = visitor.page.getByRole("heading", { name });
  await visitor.until(() => heading.evaluate((at) => at === document.activeElement));
  assert.equal(new URL(visitor.page.url()).hash, "#plane&steps=10&seed=5&at=1");
  assert.equal(await visitor.seed.inputValue(), "5");
  await visitor.leave();
});

test("a visitor who wants no motion finds the walk paused, and can play it", async () => {
  const visitor = await visit({ reducedMotion: "reduce" });
  await visitor.rests(0);
  assert.equal(new URL(visitor.page.url()).hash, "#steps=10", "the address is as it was");
  await visitor.play.click();
  await visitor.reaches(2);
  await visitor.leave();
});

for (const [width, height] of /** @type {const} */ ([
  [1280, 900],
  [390, 844],
])) {
  test(`at ${width} x ${height} the image and the transport are in the first screen`, async () => {
    const visitor = await visit({ viewport: { width, height }, reducedMotion: "reduce" });
    for (const part of [visitor.xt, visitor.scrubber, visitor.play, visitor.step]) {
      const box = await part.boundingBox();
      assert.ok(box !== null && box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
    }
    await visitor.leave();
  });
}

test("no width from 360 to 2560 pixels makes the page scroll sideways", async () => {
  const visitor = await visit({ reducedMotion: "reduce" });
  await seeAllFigures(visitor.page);
  for (const width of [360, 390, 600, 768, 1000, 1280, 1920, 2560]) {
    await visitor.page.setViewportSize({ width, height: 900 });
    await visitor.page.waitForTimeout(100);
    await visitor.fits();
  }
  await visitor.leave();
});

/**
 * Plays a walk, and lets something watch while it plays.
 * @template T
 * @param {(visitor: Visitor, play: () => Promise<void>) => Promise<T>} watch
 */
async function whilePlaying(watch) {
  const visitor = await visit({ reducedMotion: "reduce" }, "steps=100&speed=max");
  await visitor.rests(0);
  // Whatever else the page still prepares is not the walk's.
  await visitor.page.waitForTimeout(1500);
  const seen = await watch(visitor, async () => {
    await visitor.play.click();
    await visitor.reaches(40);
  });
  await visitor.leave();
  return seen;
}

/** What the page itself can see: how long its tasks took on the clock, where that was too long. */
const longTasks = () =>
  whilePlaying(async ({ page }, play) => {
    await page.evaluate(() => {
      /** @type {number[]} */
      const tasks = [];
      Object.assign(globalThis, { longTasks: tasks });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(Math.round(duration));
      }).observe({ type: "longtask" });
    });
    await play();
    return page.evaluate(
      () => /** @type {{ longTasks: number[] }} */ (/** @type {unknown} */ (globalThis)).longTasks,
    );
  });

/** What only a trace tells: how much of the processor each task of the page's thread took, in milliseconds. */
const taskCosts = () =>
  whilePlaying(async ({ page }, play) => {
    await site.browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
    await play();
    const trace = await site.browser.stopTracing();
    /** @type {{ traceEvents: { name: string, ph: string, pid: number, tid: number, tdur?: number, args: { name?: string } }[] }} */
    const { traceEvents } = JSON.parse(trace.toString());
    const threads = new Set(
      traceEvents
        .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
        .map(({ pid, tid }) => `${pid} ${tid}`),
    );
    return traceEvents
      .filter(
        ({ name, ph, pid, tid }) =>
          /RunTask$/.test(name) && ph === "X" && threads.has(`${pid} ${tid}`),
      )
      .map(({ tdur = 0 }) => Math.round(tdur / 1000));
  });

test("no task of the page's thread is felt while the walk plays", async (t) => {
  const tasks = await longTasks();
  t.diagnostic(`on the clock, longer than ${LONGEST_TASK} ms: ${tasks.join(", ") || "none"}`);
  if (tasks.length === 0) return;
  // A busy machine stops any thread for a while; what the thread itself does is asked once more.
  const costs = await taskCosts();
  assert.ok(costs.length > 100, `${costs.length} tasks were traced`);
  t.diagnostic(`of the processor, at most: ${Math.max(...costs)} ms`);
  const long = costs.filter((cost) => cost > LONGEST_TASK);
  assert.deepEqual(long, [], `on the clock ${tasks}, of the processor ${long}`);
});

test("where no motion is wanted a figure shows where its walks begin and end, and nothing between", async () => {
  const visitor = await visit(
    { reducedMotion: "reduce" },
    "steps=10&posterior.steps=10&repaint.resamplings=1",
  );
  // Every picture says what it shows: how often each has shown something else.
  await visitor.page.evaluate(() => {
    /** @type {Map<Element, number>} */
    const changes = new Map();
    new MutationObserver((records) => {
      const changed = records.flatMap(({ target, oldValue }) =>
        target instanceof Element && target.getAttribute("aria-label") !== oldValue ? [target] : [],
      );
      for (const picture of new Set(changed)) changes.set(picture, (changes.get(picture) ?? 0) + 1);
    }).observe(document.body, {
      subtree: true,
      attributeFilter: ["aria-label"],
      attributeOldValue: true,
    });
    Object.assign(globalThis, { changes });
  });
  for (const [heading, end] of /** @type {[string, RegExp][]} */ ([
    ["Why not in one jump?", /^The mean of 64 one-jump guesses/],
    ["If you knew the answer", /the image: 0\.00 from x_0$/],
    ["Fill a gap", /^Four ways to fill the gap in the 3$/],
    ["Between two noises", /^100 % of the way$/],
  ])) {
    const section = await visitor.goTo(heading);
    await section.getByRole("img", { name: end }).waitFor({ timeout: 120_000 });
  }
  const shown = await visitor.page.evaluate(() =>
    [.../** @type {{ changes: Map<Element, number> }} */ (Object(globalThis)).changes].map(
      ([picture, times]) => ({
        figure: picture.closest("[data-figure]")?.getAttribute("data-figure") ?? "",
        last: picture.getAttribute("aria-label"),
        times,
      }),
    ),
  );
  for (const figure of ["one-jump", "posterior", "bend-repaint", "bend-between"]) {
    const pictures = shown.filter((picture) => picture.figure === figure);
    assert.ok(pictures.length > 1, figure);
    assert.deepEqual(
      pictures.filter(({ times }) => times > 2),
      [],
      figure,
    );
  }
  await visitor.leave();
});

test("single keys act where the focus is in the first figure or nowhere, until they are turned off", async () => {
  const visitor = await visit({}, "steps=50&at=3");
  await visitor.rests(3);
  const { keyboard } = visitor.page;
  const opener = visitor.page.getByRole("button", { name: "Keys" });
  await opener.focus();
  await keyboard.press("r");
  await keyboard.press("ArrowRight");
  await visitor.rests(4);
  await visitor.step.focus();
  await keyboard.press("r");
  await visitor.rests(0);

  await keyboard.press("?");
  const help = visitor.page.getByRole("dialog", { name: "Keys" });
  await help.getByRole("switch", { name: "Keys of a single character" }).uncheck();
  await keyboard.press("Escape");
  await visitor.step.focus();
  const seed = await visitor.seed.inputValue();
  await keyboard.press("d");
  await keyboard.press("?");
  await keyboard.press("ArrowRight");
  await visitor.rests(1);
  assert.equal(await visitor.seed.inputValue(), seed);
  assert.ok(await help.isHidden());
  await visitor.leave();
});
