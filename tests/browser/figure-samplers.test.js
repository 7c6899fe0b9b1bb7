// Same noise, other samplers: chains locked to one scrubber, and the difference between them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { watchChains } from "./chains.js";
import { openSite } from "./site.js";
import { showFigures, standInPage } from "./stand-in.js";
import { openMore } from "./visitor.js";

const HEADING = "Same noise, other samplers";

const site = openSite();

/** @param {Record<string, string>} state */
async function look(state) {
  const hash = new URLSearchParams({ steps: "10", ...state });
  const visitor = await site.visit(`?device=cpu#${hash}`);
  const section = await visitor.goTo(HEADING);
  await openMore(section);
  /** @param {string} name */
  const chain = (name) => section.getByRole("group", { name: `Chain ${name}` });
  /** The distance of two chains' images once both have arrived. @param {string} pair */
  const distance = async (pair) => {
    const tile = section.getByRole("img", {
      name: new RegExp(`^The difference ${pair} at the images: distance`),
    });
    await tile.waitFor({ timeout: 60_000 });
    const name = (await tile.getAttribute("aria-label")) ?? "";
    return {
      said: Number(/distance ([\d.]+)$/.exec(name)?.[1]),
      pixels: await visitor.pixels(tile),
    };
  };
  /** @param {string} name @param {string} what */
  const picture = async (name, what) => {
    const image = section.getByRole("img", { name: new RegExp(`^Chain ${name}, ${what}`) });
    await image.waitFor({ timeout: 60_000 });
    return visitor.pixels(image);
  };
  return { visitor, section, chain, distance, picture };
}

const TWO = { "compare.third": "0", "compareA.steps": "10", "compareB.steps": "10" };

describe("same noise, other samplers", () => {
  test("equal settings give no difference, another sampler does, from the same noise", async () => {
    const { visitor, section, chain, distance, picture } = await look({
      ...TWO,
      "compareA.sampler": "ddim",
      "compareB.sampler": "ddim",
    });
    const none = await distance("A − B");
    assert.equal(none.said, 0);
    assert.ok(
      none.pixels.every((value) => value === 0),
      "the difference is black everywhere",
    );
    assert.deepEqual(await picture("A", "the image"), await picture("B", "the image"));
    const straightness = /^the image, 10 of 10 steps, \d+\.\d times as long as the straight line$/;
    assert.equal(await section.getByText(straightness).count(), 2, "of both chains");

    await chain("B").getByRole("radio", { name: "DDPM" }).check();
    await visitor.until(async () => (await distance("A − B")).said > 0.1);
    const some = await distance("A − B");
    assert.ok(some.pixels.some((value) => value > 100));
    assert.notDeepEqual(await picture("A", "the image"), await picture("B", "the image"));

    // At the beginning of the scrubber stands the noise, the same for both.
    await section.getByRole("slider", { name: "On the way, all chains" }).fill("0");
    await section.getByRole("img", { name: /A − B at about t = 1000: distance 0\.00$/ }).waitFor();
    assert.deepEqual(
      await picture("A", "the state at t = 999, after 0 of 10"),
      await picture("B", "the state at t = 999, after 0 of 10"),
    );
    await section.getByRole("slider", { name: "On the way, all chains" }).fill("500");
    await picture("A", "the state at t = 599, after 4 of 10");
    await picture("B", "the state at t = 599, after 4 of 10");

    // A replay begins in noise, and ends at the same images.
    await section.getByRole("button", { name: "Walk again" }).click();
    await section.getByRole("button", { name: "Stop" }).waitFor();
    assert.deepEqual((await distance("A − B")).pixels, some.pixels);
    await visitor.leave();
  });

  test("twice the steps leave DDIM's image alike, and not DDPM's", async () => {
    const { visitor, chain, distance } = await look({
      ...TWO,
      "compareA.sampler": "ddim",
      "compareB.sampler": "ddim",
      "compareB.steps": "20",
    });
    const ddim = (await distance("A − B")).said;
    await chain("A").getByRole("radio", { name: "DDPM" }).check();
    await visitor.until(async () => (await distance("A − B")).said !== ddim);
    const mixed = (await distance("A − B")).said;
    await chain("B").getByRole("radio", { name: "DDPM" }).check();
    await visitor.until(async () => (await distance("A − B")).said !== mixed);
    const ddpm = (await distance("A − B")).said;
    assert.ok(ddim > 0 && ddpm > 1.5 * ddim, `DDIM ${ddim}, DDPM ${ddpm}`);
    await visitor.leave();
  });

  test("says in its place what a sampler refuses, and goes on", async () => {
    const { visitor, section, chain, distance, picture } = await look({
      "compareA.steps": "10",
      "compareB.steps": "10",
      "compareC.steps": "1000",
      "compareC.spacing": "leading",
    });
    await section.getByText("DPM-Solver++ needs fewer than 1000 steps").waitFor();
    assert.ok((await distance("A − B")).said > 0);
    await chain("C").getByRole("radio", { name: "trailing" }).check();
    await chain("C").getByRole("slider", { name: "Steps" }).press("Home");
    await picture("C", "the image");
    assert.ok((await distance("B − C")).said > 0);
    await visitor.leave();
  });

  test("walks no third chain where a link that is followed has none", async () => {
    const { visitor, section, distance } = await look({ ...TWO, "compare.third": "1" });
    await distance("B − C");
    const chains = await watchChains(visitor.page);
    const hash = new URLSearchParams({ steps: "10", ...TWO, "compare.seed": "9" });
    await visitor.page.evaluate((address) => (location.hash = address), `#${hash}`);
    await section.getByRole("group", { name: "Chain C" }).waitFor({ state: "hidden" });
    await distance("A − B");
    await visitor.until(
      async () => (await chains({ sampler: "ddim", count: 1 })).opened.length > 0,
    );
    await visitor.page.waitForTimeout(500);
    assert.deepEqual((await chains({ sampler: "dpm++", count: 1 })).opened, []);
    await visitor.leave();
  });
});

describe("a replay", () => {
  /** @param {import("node:test").TestContext} t */
  const arrived = async (t) => {
    const { page } = await site.visitWith(t, await standInPage(), "#compareA.steps=10");
    await showFigures(page, { only: ["samplers"] });
    const section = page.getByRole("region", { name: HEADING });
    await section.scrollIntoViewIfNeeded();
    const images = section.getByRole("img", { name: /^Chain [ABC], the image/ });
    await images.nth(2).waitFor();
    const play = section.locator(".way button");
    return { page, section, images, play };
  };

  test("ends with the images where the figure is left meanwhile", async (t) => {
    const { page, images, play } = await arrived(t);
    // Time stands still, so a replay that is not ended stays at its first picture.
    await page.evaluate(() => {
      const now = performance.now();
      performance.now = () => now;
    });
    await play.click();
    await images.first().waitFor({ state: "detached" });
    await page.evaluate(() => scrollTo(0, 0));
    await images.nth(2).waitFor({ state: "attached", timeout: 2000 });
    assert.equal(await play.textContent(), "Walk again");
  });

  test("is drawn once a frame, however often it is begun", async (t) => {
    const { play } = await arrived(t);
    const asked = await play.evaluate(async (button) => {
      const { requestAnimationFrame } = globalThis;
      let asked = 0;
      globalThis.requestAnimationFrame = (tell) => {
        asked += 1;
        return requestAnimationFrame(tell);
      };
      for (let press = 0; press < 3; press++) /** @type {HTMLElement} */ (button).click();
      for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
      return asked;
    });
    // Each frame asks for the next and for its drawing.
    assert.ok(asked > 20 && asked <= 2 * 20 + 3, `${asked} times in 20 frames`);
  });
});
