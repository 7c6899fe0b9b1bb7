// One noisy image, many answers: sixteen walks from small t agree, from large t they differ.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { largestDifference, launch, serve } from "./helpers.js";
import { visit } from "./visitor.js";

const HEADING = "One noisy image, many answers";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;

before(async () => {
  browser = await launch({ webgpu: false });
  server = await serve();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** @param {string} hash */
async function look(hash) {
  const visitor = await visit(browser, `${server.url}?device=cpu#steps=10&many.steps=4&${hash}`);
  const section = await visitor.goTo(HEADING);
  const slider = section.getByRole("slider", { name: "Begin at time t" });
  /** The finished walks from a time, and the spread that the figure names. @param {number} t */
  const answers = async (t) => {
    const grid = section.getByRole("img", {
      name: new RegExp(`^Sixteen images, .* from the same noisy image at t = ${t};`),
    });
    await grid.waitFor({ timeout: 60_000 });
    const name = (await grid.getAttribute("aria-label")) ?? "";
    return { spread: Number(/spread ([\d.]+)$/.exec(name)?.[1]), images: await sixteen(grid) };
  };
  return { visitor, section, slider, answers };
}

/**
 * The red values of the sixteen images of a grid, one list each, from -1 to 1.
 * @param {import("playwright-core").Locator} grid
 * @returns {Promise<number[][]>}
 */
function sixteen(grid) {
  return grid.evaluate((canvas) => {
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("no context");
    const side = (canvas.width - 3) / 4;
    return Array.from({ length: 16 }, (_, i) => {
      const [x, y] = [(i % 4) * (side + 1), Math.floor(i / 4) * (side + 1)];
      const { data } = context.getImageData(x, y, side, side);
      return Array.from(
        data.filter((__, p) => p % 4 === 0),
        (value) => value / 127.5 - 1,
      );
    });
  });
}

/** The root mean square over pixels of the deviation over images. @param {number[][]} images */
function spreadOf(images) {
  const size = images[0]?.length ?? 0;
  let variance = 0;
  for (let p = 0; p < size; p++) {
    const values = images.map((image) => image[p] ?? NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    variance += values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  }
  return Math.sqrt(variance / size);
}

describe("one noisy image, many answers", () => {
  test("sixteen walks from small t agree, from large t they differ", async () => {
    const { visitor, section, slider, answers } = await look("many.t=60");
    const near = await answers(60);
    assert.ok(near.spread < 0.12, `from t = 60 the walks spread by ${near.spread}`);
    assert.ok(Math.abs(spreadOf(near.images) - near.spread) < 0.01, "the number is the spread");
    // All sixteen are the digit that was noised.
    const original = await visitor.pixels(section.getByRole("img", { name: /^A real 3, number/ }));
    for (const image of near.images) {
      const off = image.map((value, p) => value - ((original[p] ?? NaN) / 127.5 - 1));
      const distance = Math.sqrt(off.reduce((sum, v) => sum + v * v, 0) / off.length);
      assert.ok(
        distance < 0.25,
        `a walk from t = 60 ends ${distance} away from where it came from`,
      );
    }

    await slider.fill("900");
    const far = await answers(900);
    assert.ok(far.spread > 0.35, `from t = 900 the walks spread by ${far.spread}`);
    assert.ok(Math.abs(spreadOf(far.images) - far.spread) < 0.01, "the number is the spread");
    const [first = [], ...others] = far.images;
    for (const other of others) assert.ok(largestDifference(first, other) > 1, "no two are alike");

    // Both are kept in the plot.
    await section
      .getByRole("img", { name: /: 0\.\d\d from t = 60, 0\.\d\d from t = 900$/ })
      .waitFor();
    await visitor.leave();
  });

  test("the same link gives the same sixteen, another seed other ones", async () => {
    const { visitor, section, answers } = await look("many.t=200&many.seed=5");
    const once = await answers(200);
    const seed = section.getByRole("spinbutton", { name: "Seed" });
    await seed.fill("6");
    await seed.press("Enter");
    await section.getByRole("img", { name: /^Sixteen guesses/ }).waitFor();
    const other = await answers(200);
    assert.notDeepEqual(other.images, once.images);
    await seed.fill("5");
    await seed.press("Enter");
    await section.getByRole("img", { name: /^Sixteen guesses/ }).waitFor();
    assert.deepEqual((await answers(200)).images, once.images);
    await visitor.leave();
  });

  test("ten quick moves of the slider compute only the last", async () => {
    const { visitor, section, slider, answers } = await look("many.t=100");
    await section.getByRole("img", { name: /^Sixteen/ }).waitFor();
    for (let i = 0; i < 10; i++) await slider.fill(String(20 + i));
    await section.getByRole("img", { name: "A real 3, noised to t = 29" }).waitFor();
    await answers(29);
    await section.getByRole("img", { name: /where they began: 0\.\d\d from t = 29$/ }).waitFor();
    await visitor.leave();
  });
});
