// If you knew the answer: the posterior walk arrives at the known image, the learned one at its own.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { watchChains } from "./chains.js";
import { largestDifference } from "./helpers.js";
import { asValues, distance as distanceOf } from "./images.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const HEADING = "If you knew the answer";

const site = openSite();

/** @param {string} hash */
async function look(hash) {
  const visitor = await site.visit(`?device=cpu#steps=10&posterior.steps=10&${hash}`);
  const section = await visitor.goTo(HEADING);
  await openMore(section);
  /** A row's picture once it is there. @param {string} row @param {RegExp} name */
  const picture = async (row, name) => {
    const image = section.getByRole("list", { name: row }).getByRole("img", { name });
    await image.waitFor({ timeout: 60_000 });
    return visitor.pixels(image);
  };
  return { visitor, section, picture };
}

const KNOWN = "The walk that knows the answer";
const LEARNED = "The learned walk";

/** On the scale from -1 to 1. @param {number[]} one @param {number[]} other pixels */
const distance = (one, other) => distanceOf(asValues(one), asValues(other));

describe("if you knew the answer", () => {
  test("the walk that knows arrives at the known image, the learned walk elsewhere", async () => {
    const { visitor, section, picture } = await look("posterior.digit=75");
    const truth = await visitor.pixels(section.getByRole("img", { name: /^A real 7, number/ }));
    const known = await picture(KNOWN, /the image: 0\.00 from x_0$/);
    assert.ok(largestDifference(known, truth) <= 1, "every pixel is the known one");
    const learned = await picture(LEARNED, /the image: \d/);
    assert.ok(
      distance(learned, truth) > 0.2,
      `the learned walk ends ${distance(learned, truth)} away`,
    );
    const said = await visitor.reads("learned, off by");
    assert.ok(Math.abs(Number(said) - distance(learned, truth)) < 0.01, said);
    assert.equal(await visitor.reads("known, off by"), "0.00");
    await visitor.leave();
  });

  test("both begin in the same noise, are stirred by the same noise, and part", async () => {
    const { visitor, section, picture } = await look("posterior.seed=3");
    await picture(KNOWN, /the image/);
    const pairs = [];
    for (const t of [999, 888, 333]) {
      const name = new RegExp(`at t = ${t}$`);
      pairs.push([await picture(KNOWN, name), await picture(LEARNED, name)]);
    }
    const [start, early, late] = pairs.map(([a = [], b = []]) => distance(a, b));
    assert.equal(start, 0, "the same x_T");
    assert.ok((early ?? NaN) < 0.1, `knowing the answer hardly shows at t = 888: ${early}`);
    assert.ok((late ?? NaN) > 2 * (early ?? NaN), `at t = 333 they are ${late} apart`);

    // Another seed: another start, and the known image is found all the same.
    const first = pairs[0]?.[0] ?? [];
    await section.getByRole("button", { name: "Another seed" }).click();
    await visitor.until(async () => {
      const now = await picture(KNOWN, /at t = 999$/);
      return largestDifference(now, first) > 50;
    });
    await visitor.until(async () => (await visitor.reads("known, off by")) === "0.00");
    await visitor.leave();
  });

  test("closes its two chains once they have arrived", async () => {
    const { visitor, section, picture } = await look("posterior.seed=3");
    await picture(KNOWN, /the image/);
    const chains = await watchChains(visitor.page);
    await section.getByRole("button", { name: "Another seed" }).click();
    // No other figure walks in this spacing.
    const own = () => chains({ spacing: "linspace" });
    await visitor.until(async () => (await own()).opened.length === 2);
    await section.getByText(/^Both have arrived/).waitFor();
    await visitor.until(async () => {
      const { opened, closed } = await own();
      return opened.every((chain) => closed.includes(chain));
    });
    await visitor.leave();
  });
});
