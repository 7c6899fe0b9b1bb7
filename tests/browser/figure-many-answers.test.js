// One noisy image, many answers: sixteen walks from small t agree, from large t they differ.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { largestDifference } from "./helpers.js";
import { asValues, distance, imagesOf, mean, meanImage } from "./images.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const HEADING = "One noisy image, many answers";
const GRID = { columns: 4, rows: 4 };

const site = openSite();

/** @param {string} hash */
async function look(hash) {
  const visitor = await site.visit(`?device=cpu#steps=10&many.steps=4&${hash}`);
  const section = await visitor.goTo(HEADING);
  const slider = section.getByRole("slider", { name: "Begin at time t" });
  /** The finished walks from a time, and the spread that the figure names. @param {number} t */
  const answers = async (t) => {
    const grid = section.getByRole("img", {
      name: new RegExp(`^Sixteen images, .* from the same noisy image at t = ${t};`),
    });
    await grid.waitFor({ timeout: 60_000 });
    const name = (await grid.getAttribute("aria-label")) ?? "";
    return {
      spread: Number(/spread ([\d.]+)$/.exec(name)?.[1]),
      images: imagesOf(asValues(await visitor.pixels(grid)), GRID),
    };
  };
  return { visitor, section, slider, answers };
}

/** The root mean square over pixels of the deviation over images. @param {number[][]} images */
function spreadOf(images) {
  const middle = meanImage(images);
  return Math.sqrt(mean(images.map((image) => distance(image, middle) ** 2)));
}

describe("one noisy image, many answers", () => {
  test("sixteen walks from small t agree, from large t they differ", async () => {
    const { visitor, section, slider, answers } = await look("many.t=60");
    const near = await answers(60);
    assert.ok(near.spread < 0.12, `from t = 60 the walks spread by ${near.spread}`);
    assert.ok(Math.abs(spreadOf(near.images) - near.spread) < 0.01, "the number is the spread");
    // All sixteen are the digit that was noised.
    const real = section.getByRole("img", { name: /^A real 3, number/ });
    const original = asValues(await visitor.pixels(real));
    for (const image of near.images) {
      const away = distance(image, original);
      assert.ok(away < 0.25, `a walk from t = 60 ends ${away} away from where it came from`);
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
    await openMore(section);
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
    // The walks from 100 may have arrived before the first move.
    const only = /by the starting t: 0\.\d\d from t = 29(, 0\.\d\d from t = 100)?$/;
    await section.getByRole("img", { name: only }).waitFor();
    await visitor.leave();
  });
});
