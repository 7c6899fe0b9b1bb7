// The page on the CPU path, used as a person would use it.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { root, screenshots } from "./helpers.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/** @param {import("playwright-core").BrowserContextOptions} [options] */
const visit = (options) => site.visit("?device=cpu", options);

describe("the page on the CPU", () => {
  test("opens with a walk in progress and arrives at an image", async () => {
    const visitor = await visit();
    assert.equal(await visitor.reads("computed on"), "CPU");
    assert.equal((await visitor.position()).steps, 100);
    await visitor.pause.waitFor();
    await visitor.reaches(3);
    assert.ok(Number(await visitor.reads("time t")) < 980, "t goes down");
    assert.ok(Number(await visitor.reads("ms per step")) > 0);

    await visitor.takeFewestSteps();
    await visitor.reaches(10);
    assert.equal(await visitor.reads("time t"), "image");
    await visitor.page.getByRole("button", { name: "Play again" }).waitFor();
    assert.deepEqual(
      await visitor.pixels(visitor.xt),
      await visitor.pixels(visitor.x0),
      "the last step ends at the guess",
    );
    await visitor.leave();
  });

  test("pauses, takes one step at a time, plays on and goes back to the start", async () => {
    const visitor = await visit();
    await visitor.reaches(2);
    await visitor.pause.click();
    await visitor.play.waitFor();
    await visitor.page.waitForTimeout(300);
    const { position } = await visitor.position();
    const paused = await visitor.pixels(visitor.xt);
    await visitor.page.waitForTimeout(500);
    assert.equal((await visitor.position()).position, position, "paused means paused");

    await visitor.step.click();
    await visitor.reaches(position + 1);
    await visitor.page.waitForTimeout(300);
    assert.equal((await visitor.position()).position, position + 1, "one step is one step");
    assert.notDeepEqual(await visitor.pixels(visitor.xt), paused);

    await visitor.play.click();
    await visitor.reaches(position + 4);
    await visitor.pause.click();
    await visitor.restart.click();
    await visitor.until(async () => (await visitor.position()).position === 0);
    await visitor.revealed();
    assert.equal(await visitor.reads("time t"), "990");
    await visitor.leave();
  });

  test("gives the same pixels for the same seed, others for another seed or digit", async () => {
    const visitor = await visit();
    await visitor.pause.click();
    await visitor.takeFewestSteps();
    /** @param {() => Promise<void>} choose */
    const start = async (choose) => {
      await choose();
      await visitor.until(async () => (await visitor.position()).position === 0);
      await visitor.revealed();
      return visitor.pixels(visitor.xt);
    };
    const finish = async () => {
      await visitor.play.click();
      await visitor.reaches(10);
      return visitor.pixels(visitor.xt);
    };
    /** @param {string} seed */
    const setSeed = async (seed) => {
      await visitor.seed.fill(seed);
      await visitor.seed.press("Enter");
    };

    /** @param {number[]} before */
    const showsOther = (before) =>
      visitor.until(
        async () => JSON.stringify(await visitor.pixels(visitor.xt)) !== JSON.stringify(before),
      );

    const before = await visitor.pixels(visitor.xt);
    const noise = await start(async () => {
      await setSeed("7");
      // The walk stands at its start already, of another seed.
      await showsOther(before);
    });
    const image = await finish();
    const again = await start(() => visitor.restart.click());
    assert.deepEqual(again, noise);
    assert.deepEqual(await finish(), image, "the same seed walks to the same image");

    // After a finished walk a new choice plays at once: it is compared at its end.
    await visitor.digit("8").check();
    await visitor.reaches(0);
    await visitor.until(async () => (await visitor.position()).position < 10);
    await visitor.reaches(10);
    const otherDigit = await visitor.pixels(visitor.xt);
    assert.notDeepEqual(otherDigit, image, "another digit is another image");
    const restarted = await start(() => visitor.restart.click());
    assert.deepEqual(restarted, noise, "from the same noise");

    await setSeed("8");
    // Another seed is other noise.
    await showsOther(noise);
    await visitor.dice.click();
    await visitor.until(async () => (await visitor.seed.inputValue()) !== "8");
    await visitor.leave();
  });

  test("offers any digit and guidance where the model has a null label", async () => {
    const visitor = await visit();
    const form = visitor.page.getByRole("form", { name: "What to walk to" });
    assert.equal(await form.getByRole("group", { name: "Digit" }).getByRole("radio").count(), 11);
    await openMore(visitor.hero);
    assert.equal(await visitor.guidance.inputValue(), "1");
    await visitor.digit("any").check();
    assert.ok(await visitor.guidance.isDisabled(), "any digit leaves nothing to be guided to");
    await visitor.digit("5").check();
    await visitor.guidance.press("ArrowRight");
    assert.equal(await visitor.guidance.inputValue(), "1.25");
    await visitor.until(async () => (await visitor.position()).position < 5);
    await visitor.reaches(1);
    await visitor.leave();
  });

  test("links every term to the line that computes it", async () => {
    const visitor = await visit();
    const links = visitor.page.getByRole("link", { name: /\.rs$/ });
    const addresses = await links.evaluateAll((found) =>
      found.map((link) => link.getAttribute("href") ?? ""),
    );
    assert.ok(addresses.length >= 5);
    assert.ok(addresses.filter((address) => address.includes("#L")).length >= 5);
    for (const address of addresses) {
      const [file = "", line] = (address.split(/\/blob\/[^/]+\//)[1] ?? "").split("#L");
      const lines = (await readFile(path.join(root, file), "utf8")).split("\n");
      // A link to a whole file has no line.
      if (line === undefined) continue;
      assert.match(lines[Number(line) - 1] ?? "", /\b(fn|struct|enum|trait|const) \w/, address);
    }
    await visitor.leave();
  });

  test("obeys the keyboard", async () => {
    const visitor = await visit();
    await visitor.page.keyboard.press("Space");
    await visitor.play.waitFor();
    await visitor.page.waitForTimeout(300);
    const { position } = await visitor.position();
    await visitor.page.keyboard.press("ArrowRight");
    await visitor.reaches(position + 1);
    await visitor.page.keyboard.press("r");
    await visitor.until(async () => (await visitor.position()).position === 0);
    const seed = await visitor.seed.inputValue();
    await visitor.page.keyboard.press("d");
    assert.notEqual(await visitor.seed.inputValue(), seed);
    await visitor.page.keyboard.press("Space");
    await visitor.pause.waitFor();
    await visitor.leave();
  });

  test("rests while nobody looks", async () => {
    const visitor = await visit();
    /** @param {boolean} hidden */
    const hide = (hidden) =>
      visitor.page.evaluate((value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await hide(true);
    await visitor.page.waitForTimeout(400);
    const { position } = await visitor.position();
    await visitor.page.waitForTimeout(600);
    assert.equal((await visitor.position()).position, position);
    await hide(false);
    await visitor.reaches(position + 2);
    await visitor.leave();
  });

  test("waits to be asked where motion is not wanted", async () => {
    const visitor = await visit({ reducedMotion: "reduce" });
    await visitor.play.waitFor();
    await visitor.page.waitForTimeout(400);
    assert.equal((await visitor.position()).position, 0);
    await visitor.leave();
  });

  for (const width of [1280, 390]) {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      test(`fits into ${width} pixels, ${colorScheme}`, async () => {
        const height = width < 600 ? 844 : 900;
        const visitor = await visit({ viewport: { width, height }, colorScheme });
        await visitor.reaches(72);
        await visitor.pause.click();
        await visitor.fits();
        await mkdir(screenshots, { recursive: true });
        for (const fullPage of [false, true]) {
          const name = `page-${width}-${colorScheme}${fullPage ? "-full" : ""}.png`;
          await visitor.page.screenshot({ path: path.join(screenshots, name), fullPage });
        }
        await visitor.leave();
      });
    }
  }
});
