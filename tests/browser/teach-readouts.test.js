// What "Teach it" says in numbers while it learns, and what the slider of the learning rate does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtureModel } from "./faults.js";
import { SLOW, largestDifference } from "./helpers.js";
import { openSite } from "./site.js";
import { controlsOf, openTeach, readyPlace } from "./teach-page.js";

const site = openSite();

test("the speed, the images and the time left are those of its steps", async (t) => {
  const { place, reaches, learnFromNothing, learner, press, button, visitor } = await openTeach(
    site,
    t,
  );
  await learner.evaluate((it) => {
    /** @type {Map<number, number>} */
    const taken = new Map();
    Object.assign(globalThis, { taken });
    it.listen(() => {
      const step = it.status.learning?.step ?? 0;
      if (!taken.has(step)) taken.set(step, performance.now());
    });
  });
  await learnFromNothing();
  // Between two drawings of the sixteen walks.
  await reaches(40);
  const { texts, intervals } = await place.evaluate((figure) => {
    const texts = Object.fromEntries(
      [...figure.querySelectorAll(".readouts > div")].map((row) => [
        row.querySelector("dt")?.textContent ?? "",
        row.querySelector("dd")?.textContent ?? "",
      ]),
    );
    /** @type {{ taken: Map<number, number> }} */
    const { taken } = Object(globalThis);
    const times = [...taken].filter(([step]) => step >= 28).map(([, time]) => time);
    return { texts, intervals: times.slice(1).map((time, i) => time - (times[i] ?? 0)) };
  });
  const speed = Number(texts["steps a second"]);
  const [least, most] = [Math.min(...intervals), Math.max(...intervals)];
  const said = `${JSON.stringify(texts)}; a step every ${least.toFixed(0)} to ${most.toFixed(0)} ms`;
  t.diagnostic(said);
  // A mean of them lies between them; between two steps messages are heard.
  assert.ok(1000 / speed > least / 4 && 1000 / speed < 1.5 * most, said);
  // Four examples in a step; both numbers are rounded to two digits.
  const images = Number(texts["images a second"]) / speed;
  assert.ok(images > 3.6 && images < 4.4, `${images} images in a step`);
  const [, left = "", unit = ""] = /^([\d.]+) (ms|s)$/.exec(texts["time left"] ?? "") ?? [];
  const seconds = Number(left) / (unit === "ms" ? 1000 : 1);
  const remaining = 150 - Number(texts["step"]);
  const ratio = (seconds * speed) / remaining;
  assert.ok(ratio > 0.9 && ratio < 1.1, `${seconds} s for ${remaining} steps`);
  await press("Pause");
  await button("Continue learning").waitFor();
  assert.equal(await visitor.reads("time left", place), "–");
});

test("the learning rate is that of the slider, also after a reload", async (t) => {
  const { page, place, press, button, reaches, learner, learnFromNothing, visitor } =
    await openTeach(site, t);
  const losses = async () => {
    await reaches(4);
    await press("Pause");
    await button("Continue learning").waitFor();
    const all = await learner.evaluate(({ status }) => status.learning?.losses ?? []);
    return all.slice(0, 4);
  };
  const anew = async () => {
    await press("Begin again");
    await visitor.until(async () => (await visitor.reads("step", place)) === "0", SLOW / 5);
    await press("Learn");
    return losses();
  };
  await learnFromNothing();
  const usual = await losses();
  assert.deepEqual(await anew(), usual, "everything else follows from the seed");
  const slider = place.getByRole("slider", { name: "Learning rate" });
  await slider.press("End");
  const fast = await anew();
  // The first loss comes before the first change of a weight.
  assert.equal(fast[0], usual[0]);
  assert.notEqual(fast[1], usual[1]);
  await page.reload();
  const again = await controlsOf(visitor, await readyPlace(page));
  await again.button("Continue learning").waitFor();
  const kept = again.place.getByRole("slider", { name: "Learning rate" });
  assert.equal(await kept.getAttribute("aria-valuetext"), "0.002");
});

test("the error over t is that of the network before it learned, and of what it is now", async (t) => {
  const { page, place, press, addZeros, learner, visitor } = await openTeach(site, t, {
    instead: await fixtureModel("small"),
    more: "&model=small",
  });
  await addZeros();
  await place.getByRole("slider", { name: /^Steps/ }).press("Home");
  await press("Learn");
  const plot = place.getByRole("img", { name: /^Squared error over t, for the examples: at t = / });
  await plot.waitFor({ timeout: SLOW });
  const { timesteps, before, after } = await learner.evaluate(
    ({ status }) => status.errors ?? { timesteps: [], before: [], after: [] },
  );
  assert.equal(timesteps.length, 8);
  const label = (await plot.getAttribute("aria-label")) ?? "";
  assert.ok(
    label.endsWith(
      `at t = ${timesteps[0]} before ${before[0]?.toPrecision(2)}, now ${after[0]?.toPrecision(2)}`,
    ),
    label,
  );

  // By another way: eq. 4 in this test, and the answers of the page's other worker.
  const expected = await page.evaluate(
    async ({ base, timesteps }) => {
      const { Engine } = await import(`${base}web/client/engine.js`);
      const { Arithmetic } = await import(`${base}web/client/arithmetic.js`);
      const { theLearner } = await import(`${base}web/client/learner.js`);
      const engine = new Engine(() => {});
      await engine.load({ model: "small", device: "cpu" });
      /** @type {Float32Array[]} */
      const examples = theLearner().status.examples.slice(0, 8);
      const size = 28 * 28;
      const found = [];
      for (const timestep of timesteps) {
        let left = 1;
        for (let t = 0; t <= timestep; t++) left *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / 999);
        const draw = { seed: timestep, draws: 1, size: examples.length * size };
        const eps = await new Arithmetic().noise(draw);
        const xt = new Float32Array(eps.length);
        for (let i = 0; i < xt.length; i++) {
          const x0 = examples[Math.floor(i / size)]?.[i % size] ?? NaN;
          xt[i] = Math.sqrt(left) * x0 + Math.sqrt(1 - left) * eps[i];
        }
        const output = await engine.predict({ xt, count: examples.length, timestep });
        let sum = 0;
        for (let i = 0; i < eps.length; i++) sum += (eps[i] - output[i]) ** 2;
        found.push(sum / eps.length);
      }
      return found;
    },
    { base: new URL("./", page.url()).href, timesteps },
  );
  const difference = largestDifference(/** @type {number[]} */ (before), expected);
  t.diagnostic(`before ${before}, now ${after}; the largest difference is ${difference}`);
  assert.ok(difference < 1e-3, `${before} against ${expected}`);
  const sum = (/** @type {(number | null)[]} */ list) =>
    list.reduce((/** @type {number} */ all, one) => all + (one ?? NaN), 0);
  assert.ok(sum(after) < sum(before), `${before} to ${after}`);
  assert.deepEqual(visitor.complaints, []);
});
