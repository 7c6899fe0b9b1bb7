// "Teach it" spends nobody's battery on a tab that nobody sees, unless that is wanted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { SLOW, launchOptions, serve } from "./helpers.js";
import { controlsOf, readyPlace } from "./teach-page.js";
import { Visitor } from "./visitor.js";

/**
 * "Teach it" in a tab that another one can cover. A browser that Playwright starts counts every page as seen.
 * @param {import("node:test").TestContext} t
 */
async function openInTab(t) {
  const server = await serve();
  t.after(() => server.close());
  const started = await puppeteer.launch({ ...launchOptions({ webgpu: false }), headless: true });
  t.after(() => started.close());
  const browser = await chromium.connectOverCDP(started.wsEndpoint(), { noDefaults: true });
  const [context] = browser.contexts();
  assert.ok(context !== undefined);
  const visitor = new Visitor(await context.newPage());
  const { page } = visitor;
  await page.goto(`${server.url}?device=cpu&embed=teach`);
  const other = await context.newPage();
  /** @param {import("playwright-core").Page} tab @param {DocumentVisibilityState} state */
  const bring = async (tab, state) => {
    await tab.bringToFront();
    await page.waitForFunction((state) => document.visibilityState === state, state, {
      polling: 100,
    });
  };
  const show = () => bring(page, "visible");
  await show();
  const controls = await controlsOf(visitor, await readyPlace(page));
  return { ...controls, show, hide: () => bring(other, "hidden") };
}

test("learning waits while its tab is hidden, and continues when it is seen", async (t) => {
  const { place, step, reaches, learnFromNothing, learner, visitor, button, hide, show } =
    await openInTab(t);
  await learnFromNothing();
  await reaches(2);
  await hide();
  const runs = () => learner.evaluate(({ status }) => status.running);
  await visitor.until(async () => !(await runs()), SLOW / 5);
  const taken = () => learner.evaluate(({ status }) => status.learning?.step ?? NaN);
  const before = await taken();
  // Each of these waits for its turn, as steps do.
  for (let i = 0; i < 5; i++) await learner.evaluate((it) => it.set({}));
  assert.equal(await taken(), before);
  const said = place.getByText("Learning waits until this tab is seen.");
  await said.waitFor();
  await show();
  await reaches(before + 2);
  await button("Pause").waitFor();
  assert.equal(await said.count(), 0);
  assert.ok((await step()) > before);
});

test("a tab that is hidden and seen again at once learns, and says so", async (t) => {
  const { page, reaches, learnFromNothing, learner, button, press } = await openInTab(t);
  await learnFromNothing();
  await reaches(2);
  // Both before the worker has answered the first; the browser is asked for neither, as it would take its time.
  await page.evaluate(() => {
    for (const hidden of [true, false]) {
      Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }
  });
  await learner.evaluate((it) => it.set({}));
  assert.equal(await learner.evaluate(({ status }) => status.running), true);
  await button("Pause").waitFor();
  const taken = await learner.evaluate(({ status }) => status.learning?.step ?? NaN);
  await reaches(taken + 2);
  await press("Pause");
  await button("Continue learning").waitFor();
});

test("learning goes on in a hidden tab where the visitor has said so, and what is shown follows", async (t) => {
  const { page, place, learnFromNothing, reaches, step, hide } = await openInTab(t);
  await place.getByRole("switch", { name: "continue while this tab is hidden" }).check();
  await learnFromNothing();
  await reaches(1);
  await hide();
  // A tab that nobody sees gets no frames.
  await reaches((await step()) + 3);
  assert.equal(await page.evaluate(() => document.visibilityState), "hidden");
});

test("what the visitor paused stays paused when the tab is seen again", async (t) => {
  const { learnFromNothing, reaches, press, button, learner, hide, show } = await openInTab(t);
  await learnFromNothing();
  await reaches(1);
  await press("Pause");
  await button("Continue learning").waitFor();
  await hide();
  await show();
  await learner.evaluate((it) => it.set({}));
  assert.equal(await learner.evaluate(({ status }) => status.running), false);
});
