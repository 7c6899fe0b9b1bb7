// Why not in one jump: the mean of many first guesses is the mean of the data, and an image is not.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { largestDifference } from "./helpers.js";
import { asValues, correlation, distance } from "./images.js";
import { openSite } from "./site.js";

const HEADING = "Why not in one jump?";

const site = openSite();

/** @param {string} hash */
async function look(hash = "") {
  const visitor = await site.visit(`?device=cpu#steps=10&${hash}`);
  const section = await visitor.goTo(HEADING);
  /** The pixels of a picture once it is there, from -1 to 1. @param {RegExp} name */
  const picture = async (name) => {
    const image = section.getByRole("img", { name });
    await image.waitFor({ timeout: 120_000 });
    return asValues(await visitor.pixels(image));
  };
  return { visitor, section, picture };
}

describe("why not in one jump", () => {
  test("the mean of many guesses is near the mean of the data, a walk's image is not", async () => {
    const { visitor, section, picture } = await look();
    const guessed = await picture(/^The mean of 64 one-jump guesses at t = 999/);
    const data = await picture(/^The mean of all 60,000 training digits/);
    const image = await picture(/^The image after 50 steps from t = 999/);
    assert.ok(correlation(guessed, data) > 0.9, `correlation ${correlation(guessed, data)}`);
    assert.ok(distance(guessed, data) < 0.3, `distance ${distance(guessed, data)}`);
    assert.ok(correlation(image, data) < 0.85, `correlation ${correlation(image, data)}`);
    assert.ok(distance(image, data) > 1.4 * distance(guessed, data), "an image is further away");

    // The figure says the same in words.
    const said = await section
      .getByRole("img", { name: /^The mean of 64 one-jump guesses/ })
      .getAttribute("aria-label");
    const [, named = NaN, away = NaN] = /mean (\d\.\d+), distance (\d\.\d+)/.exec(said ?? "") ?? [];
    assert.ok(Math.abs(Number(named) - correlation(guessed, data)) < 0.01);
    assert.ok(Math.abs(Number(away) - distance(guessed, data)) < 0.01);

    // One jump is what is left when all the noise is taken away.
    const jump = await picture(/^The image after 1 step from t = 999/);
    const left = await picture(/^What is left, 157 times larger/);
    assert.ok(largestDifference(jump, left) < 0.02);
    await visitor.leave();
  });

  test("long walks wait to be asked, and a new choice takes them back", async () => {
    const { visitor, section, picture } = await look("jump.label=7");
    await section.getByRole("button", { name: "Walk 1000 steps" }).waitFor();
    const ask = section.getByRole("button", { name: "Walk 250 steps" });
    await ask.click();
    await section.getByRole("img", { name: /^The guess on the way in 250 steps/ }).waitFor();
    assert.ok(await ask.isHidden());
    await picture(/^The mean of 10 real 7s/);
    const before = await picture(/^The image after 2 steps/);

    await section.getByRole("group", { name: "Digit" }).getByRole("radio", { name: "0" }).check();
    await ask.waitFor();
    await picture(/^The mean of 10 real 0s/);
    await visitor.until(async () => {
      const now = await picture(/^The image after 2 steps/);
      return largestDifference(now, before) > 0.5;
    });
    await visitor.leave();
  });
});
