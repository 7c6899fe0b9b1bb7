// A wall of digits, on the CPU path.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { correlation, imagesOf, meanImage } from "./images.js";
import { openSite } from "./site.js";

const site = openSite();

const SIDE = 10;

/** The images of the wall, row by row. @param {number[]} pixels of the whole */
const images = (pixels) => imagesOf(pixels, { columns: SIDE, rows: SIDE });

describe("a wall of digits", () => {
  test("walks a hundred images in batches, each row to its digit", async () => {
    const visitor = await site.visit(`?device=cpu#steps=10&wall.steps=2`, {
      prepare: (context) =>
        context.addInitScript(() => {
          Object.defineProperty(Navigator.prototype, "hardwareConcurrency", { get: () => 1 });
        }),
    });
    const section = await visitor.goTo("A wall of digits");
    const wall = section.getByRole("img");
    await section.getByText("Done: a hundred images").waitFor({ timeout: 120_000 });
    assert.equal(await visitor.reads("images at once"), "10");
    assert.match((await wall.getAttribute("aria-label")) ?? "", /0, 1, .*, 9: the images$/);

    const all = images(await visitor.pixels(wall));
    assert.equal(new Set(all.map((image) => image.join())).size, SIDE * SIDE, "no two are alike");
    const real = await visitor.page.evaluate(async () => {
      const address = new URL("web/client/digits.js", location.href).href;
      const { loadDigits } = await import(address);
      const { images, labels } = await loadDigits();
      return { images: images.map((/** @type {Float32Array} */ x) => Array.from(x)), labels };
    });
    for (let row = 0; row < SIDE; row++) {
      const drawn = meanImage(all.slice(row * SIDE, (row + 1) * SIDE));
      const likeness = Array.from({ length: SIDE }, (_, digit) =>
        correlation(
          drawn,
          meanImage(
            real.images.filter(
              (/** @type {number[]} */ _, /** @type {number} */ i) => real.labels[i] === digit,
            ),
          ),
        ),
      );
      const most = likeness.indexOf(Math.max(...likeness));
      assert.equal(
        most,
        row,
        `row ${row} is most like ${most}: ${likeness.map((r) => r.toFixed(2))}`,
      );
    }
    await visitor.leave();
  });

  test("comes to the same images in batches of any size", async () => {
    const visitor = await site.visit(`?device=cpu#steps=10`);
    await visitor.pause.click();
    const difference = await visitor.page.evaluate(async () => {
      /** @param {string} path */
      const load = (path) => import(new URL(path, location.href).href);
      const { Engine } = await load("web/client/engine.js");
      const { walkWall } = await load("web/figures/wall/walk.js");
      const engine = new Engine(() => {});
      await engine.load({ model: "mnist", device: "cpu" });
      const count = 12;
      /** @param {number} batch */
      const walk = async (batch) => {
        const images = new Float32Array(count * 784);
        await walkWall(
          engine,
          {
            seed: 3,
            count,
            labels: Array(count).fill(5),
            guidanceScale: 2,
            numInferenceSteps: 3,
            batch,
          },
          {
            ready: async () => {},
            begun() {},
            /** @param {number} first @param {Float32Array} xPrev */
            advanced: (first, xPrev) => images.set(xPrev, first * 784),
            swept() {},
          },
          new AbortController().signal,
        );
        return images;
      };
      const [one, other] = [await walk(12), await walk(3)];
      return Math.max(...one.map((value, i) => Math.abs(value - (other[i] ?? NaN))));
    });
    assert.equal(difference, 0, "to the bit");
    await visitor.leave();
  });

  test("begins again with other noise, pauses, and keeps its seed in the link", async () => {
    const visitor = await site.visit(`?device=cpu#steps=10&wall.steps=50`);
    const section = await visitor.goTo("A wall of digits");
    const wall = section.getByRole("img");
    const noisy = section.getByRole("img", { name: /noisy, at t = 999/ });
    await noisy.waitFor();
    const dice = section.getByRole("button", { name: "Another seed" });
    const seed = section.getByRole("spinbutton", { name: "Seed" });
    const before = await visitor.pixels(wall);
    await section.getByRole("button", { name: "Pause" }).click();
    for (let i = 0; i < 10; i++) await dice.click();
    await seed.fill("7");
    await seed.press("Enter");
    await visitor.until(async () =>
      (await visitor.page.evaluate(() => location.hash)).includes("wall.seed=7"),
    );
    await visitor.page.waitForTimeout(1000);
    const still = await visitor.pixels(wall);
    assert.notDeepEqual(still, before, "other noise is shown at once, even standing still");
    await visitor.page.waitForTimeout(1000);
    assert.deepEqual(await visitor.pixels(wall), still, "nothing walks");

    await section.getByRole("button", { name: "Walk" }).click();
    await visitor.until(async () => {
      const now = images(await visitor.pixels(wall));
      const then = images(still);
      return now[0]?.join() !== then[0]?.join();
    });
    await visitor.leave();
  });
});
