// The right words and numbers: what the essay says is what the page computes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeAllFigures } from "./figures.js";
import { conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();
const CALM = /** @type {const} */ ({ reducedMotion: "reduce" });

/** The text of a part of the page, with single blanks. @param {import("playwright-core").Locator} part */
const textOf = async (part) => ((await part.textContent()) ?? "").replace(/\s+/g, " ");

test("alpha-bar is the share of the variance, and its root the factor of the image", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=6&forward.t=300", CALM);
  await visitor.rests(6);
  const words = await textOf(visitor.page.locator("#walk-forward .symbols"));
  const [, share = "", factor = ""] =
    /the image’s variance is left: (0\.\d+) at t = 300 .* square root, (0\.\d+) there/.exec(
      words,
    ) ?? [];
  assert.equal(await visitor.reads("time t"), "300");
  // Under "alpha-bar", which is the fourth of the readouts.
  const readouts = visitor.hero.locator(".readouts dd");
  assert.equal(await readouts.nth(3).textContent(), share);
  const section = await visitor.goTo("The walk forward needs no network");
  const row = section.getByRole("row", { name: /^All at once/ });
  await row.getByRole("cell", { name: factor, exact: true }).waitFor();
  await row.getByRole("cell", { name: (1 - Number(share)).toFixed(3), exact: true }).waitFor();
  await visitor.leave();
});

test("a walk of 100 steps visits the times that the essay names", async () => {
  const visitor = await site.visit("?device=cpu#steps=100&at=0", CALM);
  await visitor.rests(0);
  assert.match(
    await textOf(visitor.page.locator(".one-step .aside")),
    /with “leading”, 100 steps are 990, 980 … 0,/,
  );
  const times = [await visitor.reads("time t")];
  await visitor.step.click();
  await visitor.rests(1);
  times.push(await visitor.reads("time t"));
  assert.deepEqual(times, ["990", "980"]);
  await visitor.leave();
});

test("sigma_t has a formula, the bound a term without the network, and fresh noise is said to part walks", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", CALM);
  const { page } = visitor;
  const sigma = page.locator(".terms > div", { hasText: "how much fresh noise" });
  // (1 - alpha-bar_{t-1}) / (1 - alpha-bar_t) beta_t
  assert.equal(
    (await textOf(sigma.locator("math").nth(1))).replace(/ /g, ""),
    "σt2=1−α‾t−11−α‾tβt",
  );
  assert.match(
    await textOf(page.locator("#learning .symbols")),
    /compares the end of the walk forward with pure noise, and no network is in it\./,
  );
  assert.match(
    await textOf(page.locator("#one-jump .words")),
    /With “yes, DDPM” each step also adds fresh noise, so the walks end at different images/,
  );
  await visitor.leave();
});

test("as many steps are announced as are about taken", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0&many.steps=12&many.t=600", CALM);
  const section = await visitor.goTo("One noisy image, many answers");
  await openMore(section);
  const steps = section.getByRole("slider", { name: "Steps of each walk" });
  assert.equal(await steps.getAttribute("aria-valuetext"), "about 12");
  // From t = 600 the walk visits the times of a longer one, and comes to one more.
  await section.getByText(/^step \d+ of 13$/).waitFor();
  await section.getByRole("img", { name: /^Sixteen images, / }).waitFor({ timeout: 120_000 });
  await visitor.leave();
});

test("no model of other images is compared with the mean of MNIST", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", CALM);
  const truth = visitor.page.getByRole("img", { name: /^The mean of all 60,000 training digits/ });
  const section = await visitor.goTo("Why not in one jump?");
  await truth.waitFor();
  // 28 x 28 in grey, and no digits.
  await drop(visitor.page, conformance("plain"));
  await visitor.page.getByText(/images of 28 × 28 in grey/).waitFor();
  await visitor.goTo("Why not in one jump?");
  await section.getByRole("img", { name: /^The mean of \d+ one-jump guesses/ }).waitFor();
  assert.ok(await truth.isHidden());
  assert.doesNotMatch(await textOf(section.locator(".guesses")), /Correlation/);
  await visitor.leave();
});

test("nothing is called late or early, which a walk and its times see differently", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", CALM);
  await seeAllFigures(visitor.page);
  const said = await visitor.page.locator("main").evaluate((main) => {
    const labels = [...main.querySelectorAll("[aria-label]")].map(
      (part) => part.getAttribute("aria-label") ?? "",
    );
    return [main.textContent ?? "", ...labels].join(" ");
  });
  assert.ok(said.length > 10_000);
  assert.deepEqual(said.match(/.{20}\b(late|early|later|earlier)\b.{20}/gis) ?? [], []);
  await visitor.leave();
});
