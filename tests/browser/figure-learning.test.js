// How it learned: the squared error shown is the training loss of this digit, t and noise.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const HEADING = "How it learned";

const site = openSite();

/** One visit for all tests but the last. @type {Awaited<ReturnType<typeof open>>} */
let once;

before(async () => {
  once = await open();
});

/** @param {string} [hash] @param {import("playwright-core").BrowserContextOptions} [options] */
async function open(hash = "", options = {}) {
  const visitor = await site.visit(`?device=cpu${hash}`, options);
  const section = await visitor.goTo(HEADING);
  const slider = section.getByRole("slider", { name: "Time t" });
  const guess = section.getByRole("img", { name: /^The answer: the noise/ });
  /** @param {string} name of a readout */
  const reads = (name) => visitor.reads(name, section);
  /** The squared error, once the answer for t is shown. @param {number} t @param {number} digit */
  const errorAt = async (t, digit = 3) => {
    const name = `The answer: the noise in a real ${digit}, at t = ${t}`;
    await section.getByRole("img", { name, exact: true }).waitFor();
    return Number(await reads("squared error, mean over the pixels"));
  };
  return { visitor, section, slider, guess, reads, errorAt };
}

/**
 * The loss by another way: eq. 4 in this test, and the network's raw output.
 * @param {import("playwright-core").Page} page
 * @param {{ digit: number, label: number, seed: number, timesteps: number[] }} question
 * @returns {Promise<number[]>}
 */
function losses(page, question) {
  return page.evaluate(
    async ({ base, digit, label, seed, timesteps }) => {
      const { Engine } = await import(`${base}web/client/engine.js`);
      const { Arithmetic } = await import(`${base}web/client/arithmetic.js`);
      const { loadDigits } = await import(`${base}web/client/digits.js`);
      const engine = new Engine(() => {});
      await engine.load({ model: "mnist", device: "cpu" });
      const x0 = (await loadDigits()).images[digit];
      const eps = await new Arithmetic().noise({ seed, draws: 1, size: x0.length });
      const found = [];
      for (const timestep of timesteps) {
        let left = 1;
        for (let t = 0; t <= timestep; t++) left *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / 999);
        const x = x0.map(
          (/** @type {number} */ value, /** @type {number} */ i) =>
            Math.sqrt(left) * value + Math.sqrt(1 - left) * eps[i],
        );
        const labels = Uint32Array.of(label);
        const output = await engine.predict({ xt: x, count: 1, timestep, labels });
        let sum = 0;
        for (let i = 0; i < output.length; i++) sum += (eps[i] - output[i]) ** 2;
        found.push(sum / output.length);
      }
      return found;
    },
    { base: site.url, ...question },
  );
}

describe("how it learned", () => {
  test("shows the training loss of this digit, this t and this noise", async () => {
    const { visitor, section, slider, errorAt, reads } = once;
    const shown = [await errorAt(400)];
    const nothing = Number(await reads("if the answer were zero"));
    assert.ok(nothing > 0.8 && nothing < 1.2, "noise has a variance of 1");
    await slider.fill("50");
    shown.push(await errorAt(50));
    await slider.press("Home");
    shown.push(await errorAt(0));
    await slider.press("End");
    shown.push(await errorAt(999));
    const timesteps = [400, 50, 0, 999];
    const expected = await losses(visitor.page, { digit: 30, label: 3, seed: 1, timesteps });
    shown.forEach((error, i) => {
      const loss = expected[i] ?? NaN;
      assert.ok(Math.abs(error - loss) <= 2e-3 * loss, `t = ${timesteps[i]}: ${error}, ${loss}`);
    });
    // And the pictures are those the number is about: their bytes hold -3..3.
    await slider.fill("50");
    await errorAt(50);
    const eps = await visitor.pixels(section.getByRole("img", { name: /^The noise that went in/ }));
    const guess = await visitor.pixels(once.guess);
    const mean =
      eps.reduce((sum, byte, i) => sum + ((byte - (guess[i] ?? NaN)) * (3 / 127.5)) ** 2, 0) / 784;
    assert.ok(Math.abs(mean - (shown[1] ?? NaN)) < 0.05 * mean, `${mean} in the pictures`);
  });

  test("finds it easy where all is noise and hard where little is", async () => {
    const { visitor, section } = once;
    const plot = section.getByRole("img", { name: /^Squared error over t/ });
    await visitor.until(async () =>
      /2[4-9] times computed/.test((await plot.getAttribute("aria-label")) ?? ""),
    );
    const said = (await plot.getAttribute("aria-label")) ?? "";
    const [, hard, easy] = said.match(/from (\S+) at t = 0 to (\S+) at t = 999/) ?? [];
    assert.ok(Number(hard) > 0.1 && Number(easy) < 0.01, said);
  });

  test("computes only the last of ten quick changes, and begins again with another digit", async () => {
    const { visitor, section, slider, errorAt } = once;
    await slider.fill("300");
    const before = await errorAt(300);
    /** @type {string[]} */
    const seen = [];
    await visitor.page.exposeFunction("seen", (/** @type {string} */ text) => seen.push(text));
    await once.guess.evaluate((canvas) => {
      new MutationObserver(() => {
        /** @type {any} */ (globalThis).seen(canvas.getAttribute("aria-label"));
      }).observe(canvas, { attributeFilter: ["aria-label"] });
    });
    await slider.evaluate((input) => {
      if (!(input instanceof HTMLInputElement)) throw new Error("no slider");
      for (let t = 310; t <= 400; t += 10) {
        input.valueAsNumber = t;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
    await errorAt(400);
    assert.deepEqual(seen, ["The answer: the noise in a real 3, at t = 400"]);

    await section.getByRole("radio", { name: "7", exact: true }).check();
    await slider.fill("300");
    const other = await errorAt(300, 7);
    assert.notEqual(other, before);
    await openMore(section);
    await section.getByRole("button", { name: "Another seed" }).click();
    await visitor.until(async () => (await errorAt(300, 7)) !== other);
  });

  test("tells the terms of the bound", async () => {
    const { visitor, section, reads } = once;
    await section.getByRole("img", { name: /^The terms of the bound/ }).waitFor();
    await visitor.until(async () => (await reads("LT")) !== "–" && (await reads("L0")) !== "–");
    // KL(N(√ᾱ x_0, 1 − ᾱ) ‖ N(0, 1)) with |x_0| at most 1: below ᾱ / 2 nats.
    const alphaCumprod = 4.0358e-5;
    const [mantissa, power = ""] = (await reads("LT")).split(" · 10⁻");
    const prior = Number(`${mantissa}e-${[...power].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(d)).join("")}`);
    assert.ok(
      prior > 0.5 * (alphaCumprod / 2 / Math.LN2) && prior < alphaCumprod / 2 / Math.LN2,
      `${prior}`,
    );
    assert.ok(Number(await reads("L0")) > 0.001);
  });

  test("adds the terms up to what the image costs", async () => {
    const { visitor, section, reads } = await open("#learn.digit=15");
    await visitor.until(async () => (await reads("their sum, about")) !== "–", 120_000);
    const sum = Number(await reads("their sum, about"));
    // Every term between 1 and T - 1, where the page takes 24 times and fills the gaps.
    const exact = await visitor.page.evaluate(async (base) => {
      const { Engine } = await import(`${base}web/client/engine.js`);
      const { loadDigits } = await import(`${base}web/client/digits.js`);
      const engine = new Engine(() => {});
      await engine.load({ model: "mnist", device: "cpu" });
      const x0 = (await loadDigits()).images[15];
      const ask = { x0, label: 1, seed: 1 };
      let bits = await engine.priorTerm({ x0 });
      // The terms are close together where t is small and smooth where it is large.
      for (let t = 0; t < 1000; t += t < 50 ? 1 : 10) {
        bits += (t < 50 ? 1 : 10) * (await engine.boundTerm({ ...ask, timestep: t }));
      }
      return bits;
    }, site.url);
    assert.ok(Math.abs(sum - exact) < 0.05 * exact, `${sum}, and ${exact} from 145 terms`);
    const whole = Number(await reads("bits for the image"));
    assert.ok(Math.abs(whole - 784 * sum) < 784 * 0.006, `${whole}`);
    assert.ok(await section.getByText("bits for the image").isVisible());
    await visitor.leave();
  });

  test("is found again by its address, on a small screen, without barriers", async () => {
    const { visitor, section, slider, errorAt } = await open("#learn.t=700&learn.digit=15", {
      viewport: { width: 360, height: 740 },
    });
    assert.ok((await errorAt(700, 1)) < 0.1);
    assert.equal(await slider.inputValue(), "700");
    await visitor.fits();
    assert.deepEqual(await violations(visitor.page, section), []);
    await slider.press("ArrowRight");
    await visitor.until(async () => visitor.page.url().includes("learn.t=701"));
    await visitor.leave();
  });
});
