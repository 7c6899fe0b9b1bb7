// How it learned: the network beside the best possible answers, for the page's digits and for those that it was
// trained on.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { shows, visitStill } from "./any-model.js";
import { root } from "./helpers.js";
import { changed, conformance, drop } from "./models.js";
import { openSite } from "./site.js";

const site = openSite();

const file = path.join(root, "pretrained", "mnist", "optimum.json");
const shipped = JSON.parse(await readFile(file, "utf8"));

/** A number as the page writes it; what it does not tell apart is 0. @param {string} text */
function read(text) {
  if (text.startsWith("below")) return 0;
  const [mantissa = "", power] = text.split(" · 10⁻");
  if (power === undefined) return Number(mantissa);
  return Number(`${mantissa}e-${[...power].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(d)).join("")}`);
}

/** @param {import("./visitor.js").Visitor} visitor */
async function figure(visitor) {
  const section = await visitor.goTo("How it learned");
  const table = section.getByRole("table", { name: /^Squared error at t/ });
  const slider = section.getByRole("slider", { name: "Time t" });
  return {
    section,
    table,
    plot: section.getByRole("img", { name: /^Squared error over t/ }),
    /** The table at a t, once the network has answered: rows of the network and of the best. @param {number} t @param {string} name of the image */
    async at(t, name) {
      await slider.fill(String(t));
      const image = `The answer: the noise in ${name}, at t = ${t}`;
      await section.getByRole("img", { name: image, exact: true }).waitFor();
      await table.getByText(`Squared error at t = ${t}`, { exact: true }).waitFor();
      const rows = await table
        .locator("tbody tr")
        .evaluateAll((all) =>
          all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")),
        );
      return rows.map((cells) => cells.map(read));
    },
  };
}

/**
 * The least error for one of the page's digits by another way: eps-hat* itself, from weights that are products of its pixels.
 * @param {import("playwright-core").Page} page
 * @param {{ digit: number, ofItsLabel: boolean, seed: number, timesteps: number[] }} question
 * @returns {Promise<number[]>}
 */
function least(page, question) {
  return page.evaluate(
    async ({ base, digit, ofItsLabel, seed, timesteps }) => {
      const { Arithmetic } = await import(`${base}web/client/arithmetic.js`);
      const { loadDigits } = await import(`${base}web/client/digits.js`);
      const { images, labels } = await loadDigits();
      const eps = await new Arithmetic().noise({ seed, draws: 1, size: 784 });
      /** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
      const dot = (a, b) => {
        let sum = 0;
        for (let i = 0; i < 784; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
        return sum;
      };
      const among = images.filter(
        (/** @type {unknown} */ _, /** @type {number} */ i) =>
          !ofItsLabel || labels[i] === labels[digit],
      );
      return timesteps.map((timestep) => {
        let abar = 1;
        for (let t = 0; t <= timestep; t++) abar *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / 999);
        const [signal, noise] = [Math.sqrt(abar), Math.sqrt(1 - abar)];
        const x = Float64Array.from(eps, (value, i) => signal * images[digit][i] + noise * value);
        const logs = among.map(
          (/** @type {Float32Array} */ own) =>
            (signal * dot(x, own) - (abar * dot(own, own)) / 2) / (1 - abar),
        );
        const most = Math.max(...logs);
        const weights = logs.map((/** @type {number} */ log) => Math.exp(log - most));
        const sum = weights.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
        let squares = 0;
        for (let p = 0; p < 784; p++) {
          let mean = 0;
          for (let i = 0; i < among.length; i++) mean += (weights[i] / sum) * among[i][p];
          squares += ((x[p] ?? 0) / noise - (signal / noise) * mean - eps[p]) ** 2;
        }
        return squares / 784;
      });
    },
    { base: new URL("/", page.url()).href, ...question },
  );
}

describe("the network beside the best possible answers", () => {
  test("for the page's digits it is Bayes' rule among those of the label, and for the training digits the folder's curve", async () => {
    const visitor = await site.visit("?device=cpu#learn.digit=30&learn.seed=4");
    const { table, section, plot, at } = await figure(visitor);
    const { page } = visitor;
    const [, head] = await table.locator("thead th").allTextContents();
    assert.equal(head, `60,000 training digitson average, from ${shipped.draws} draws`);
    const timesteps = [999, 850, 700, 650];
    const expected = await least(page, { digit: 30, ofItsLabel: true, seed: 4, timesteps });
    for (const [i, t] of timesteps.entries()) {
      const [[network = NaN], [best = NaN]] = /** @type {[number[], number[]]} */ (
        await at(t, "a real 3")
      );
      const value = expected[i] ?? NaN;
      assert.ok(Math.abs(best - value) <= 0.06 * value + 1e-6, `t = ${t}: ${best}, ${value}`);
      const said = Number(await visitor.reads("squared error, mean over the pixels", section));
      assert.ok(Math.abs(network - said) <= 0.06 * said, `t = ${t}: ${network}, ${said}`);
    }
    assert.ok((expected[0] ?? NaN) > 1e-6, "something is left at the end");
    for (const { timestep, optimum, network } of [shipped.curve.at(-1), shipped.curve.at(-12)]) {
      const rows = await at(timestep, "a real 3");
      for (const [row, value] of [network.mean, optimum.mean].entries()) {
        const shown = rows[row]?.[1] ?? NaN;
        assert.ok(
          Math.abs(shown - value) <= 0.06 * value + 1e-6,
          `${timestep}: ${shown}, ${value}`,
        );
      }
    }
    // Where little noise is left the best answers know the image, and the network does not.
    const [[, mean = NaN] = [], [page100, training] = []] = await at(20, "a real 3");
    assert.deepEqual([page100, training], [0, 0]);
    assert.ok(mean > 0.05, `${mean}`);
    const words = (await plot.getAttribute("aria-label")) ?? "";
    for (const name of [
      "best for the page’s 100 digits: below 10⁻⁶ to t = ",
      "best for 60,000 training digits: below 10⁻⁶ to t = ",
    ]) {
      assert.ok(words.includes(name), words);
    }
    assert.deepEqual(await violations(page, section), []);
    await visitor.leave();
  });

  test("which is not told the label has all of the page's digits to tell apart", async (t) => {
    // A network that has no name for a three is asked about it without a label.
    const names = Array.from("0124456789");
    const labels = { body: JSON.stringify({ names, null: 10 }) };
    const instead = { "/pretrained/mnist/labels.json": labels };
    const visitor = await site.visitWith(t, instead);
    const { at } = await figure(visitor);
    const timesteps = [999, 800];
    const question = { digit: 30, seed: 1, timesteps };
    const all = await least(visitor.page, { ...question, ofItsLabel: false });
    const told = await least(visitor.page, { ...question, ofItsLabel: true });
    for (const [i, time] of timesteps.entries()) {
      const best = (await at(time, "a real 3"))[1]?.[0] ?? NaN;
      const value = all[i] ?? NaN;
      assert.ok(Math.abs(best - value) <= 0.06 * value + 1e-6, `t = ${time}: ${best}, ${value}`);
      assert.ok(Math.abs(value - (told[i] ?? NaN)) > 0.1 * value, "the label matters");
    }
    await visitor.leave();
  });

  test("of other images shows what its folder has", async (t) => {
    const visitor = await visitStill(site);
    /** @param {string | null} text of optimum.json @param {string} name */
    const open = async (text, name) => {
      const files = text === null ? {} : { "optimum.json": text };
      await drop(visitor.page, await changed(t, "class_conditional", files, name));
      await shows(visitor, new RegExp(name));
      return figure(visitor);
    };
    const nothing = await open(null, "unmeasured");
    await nothing.plot.waitFor();
    assert.equal(await nothing.table.count(), 0);
    // 28 x 28 in grey, and no digits.
    await drop(visitor.page, conformance("plain"));
    await shows(visitor, /plain/);
    assert.equal(await (await figure(visitor)).table.count(), 0);
    const measured = await open(JSON.stringify(shipped), "measured");
    const [network, best] = await measured.at(700, "the model's image");
    const { table } = measured;
    assert.deepEqual(await table.locator("thead th").allTextContents(), [
      "this imageand noise",
      `60,000 training imageson average, from ${shipped.draws} draws`,
    ]);
    assert.ok((network?.[0] ?? NaN) > 0 && (network?.[1] ?? NaN) > 0);
    assert.ok(Number.isNaN(best?.[0]) && (best?.[1] ?? NaN) > 0, `${best}`);
    const damaged = await open("{", "damaged");
    await damaged.plot.waitFor();
    assert.equal(await damaged.table.count(), 0);
    await visitor.leave();
  });
});
