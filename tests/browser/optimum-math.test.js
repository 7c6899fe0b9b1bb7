// The arithmetic of the best possible answers, and what is said of them. It needs no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { FLOOR, leastError, meanX0, valueAt } from "../../web/figures/learning/optimum.js";
import { bestInWords } from "../../web/figures/learning/words.js";
import { parseOptimum } from "../../web/models/optimum.js";

/** @param {number} one @param {number} other @param {number} most @param {string} [what] */
const near = (one, other, most, what = "") =>
  assert.ok(Math.abs(one - other) <= most, `${what} ${one} is not within ${most} of ${other}`);

const points = [Float32Array.of(-1), Float32Array.of(1)];

test("the_mean_of_two_points_is_a_hyperbolic_tangent", () => {
  for (const abar of [0.99, 0.5, 1e-3]) {
    for (const x of [-2, -0.1, 0, 0.3, 1.5]) {
      const [mean = NaN] = meanX0(Float32Array.of(x), points, abar);
      near(mean, Math.tanh((Math.sqrt(abar) * Math.fround(x)) / (1 - abar)), 1e-9, `${abar} ${x}`);
    }
  }
});

test("the_least_error_is_that_of_the_noise_which_the_mean_implies", () => {
  for (const abar of [0.9, 0.4, 1e-3]) {
    for (const eps of [-1.5, 0.25]) {
      const [signal, noise] = [Math.sqrt(abar), Math.sqrt(1 - abar)];
      const x = signal + noise * eps;
      const guess = (x - signal * Math.tanh((signal * x) / (1 - abar))) / noise;
      const least = leastError(Float32Array.of(1), Float32Array.of(eps), points, abar);
      near(least, (eps - guess) ** 2, 1e-6, `${abar} ${eps}`);
    }
  }
});

test("no_other_answer_errs_less_over_all_noises", () => {
  const abar = 0.7;
  const root = Math.sqrt(abar);
  // Noises in equal distances, each as often as a normal one comes.
  const step = 0.01;
  let [best, linear, all] = [0, 0, 0];
  for (let eps = -8; eps < 8; eps += step) {
    const often = (Math.exp((-eps * eps) / 2) / Math.sqrt(2 * Math.PI)) * step;
    const x = root + Math.sqrt(1 - abar) * eps;
    best += often * leastError(Float32Array.of(1), Float32Array.of(eps), points, abar);
    // The best of the answers that are a multiple of x_t: the variance of x_t is 1.
    linear += often * (eps - Math.sqrt(1 - abar) * x) ** 2;
    all += often;
  }
  near(all, 1, 1e-6);
  near(linear, abar, 1e-4);
  assert.ok(best < 0.9 * linear && best > 0.05, `${best}, ${linear}`);
});

test("the_noise_of_what_is_recognised_is_known_to_the_last_digit", () => {
  const image = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i));
  const other = image.map((value) => -value);
  const eps = image.map((_, i) => Math.cos(7 * i));
  assert.equal(leastError(image, eps, [image, other], 0.9999), 0);
  // Two equal images are one.
  assert.equal(leastError(image, eps, [image, image, other], 0.9999), 0);
});

test("a_curve_is_read_between_its_points_on_a_logarithmic_scale", () => {
  const [timesteps, values] = [
    [0, 100, 300],
    [0, 1e-4, 1e-2],
  ];
  assert.equal(valueAt(timesteps, values, 0), 0);
  assert.equal(valueAt(timesteps, values, 100), 1e-4);
  near(valueAt(timesteps, values, 200), 1e-3, 1e-12);
  near(valueAt(timesteps, values, 150), 10 ** -3.5, 1e-12);
  assert.equal(valueAt(timesteps, values, 999), 1e-2);
  assert.ok(valueAt(timesteps, values, 50) < FLOOR);
});

test("a_curve_is_said_by_where_it_begins_where_it_is_highest_and_where_it_ends", () => {
  const said = bestInWords("best", [0, 10, 20, 30], [0, 1e-9, 0.02, 0.001]);
  assert.equal(said, "best: below 10⁻⁶ to t = 10, at most 0.0200 at t = 20, 0.00100 at t = 30");
});

test("what_a_folder_says_is_read_or_left", async () => {
  const file = new URL("../../pretrained/mnist/optimum.json", import.meta.url);
  const text = await readFile(file, "utf8");
  const read = parseOptimum(text);
  const { curve, ...rest } = JSON.parse(text);
  assert.deepEqual(
    [read?.images, read?.draws, read?.knowsLabel],
    [rest.images, rest.draws, rest.knows_label],
  );
  assert.equal(read?.images, 60_000);
  assert.equal(read?.optimum[7], curve[7].optimum.mean);
  assert.equal(read?.network[7], curve[7].network.mean);
  for (const [i, network] of (read?.network ?? []).entries()) {
    // Of the same images and noise: beyond chance the network is never better.
    const { optimum, network: own } = curve[i];
    assert.ok(network >= optimum.mean - optimum.half_width - own.half_width, `${i}`);
  }
  assert.equal(parseOptimum(undefined), null);
  /** @type {((all: any) => void)[]} */
  const damages = [
    (all) => (all.images = 0),
    (all) => delete all.knows_label,
    (all) => (all.curve = all.curve.slice(0, 1)),
    (all) => all.curve.reverse(),
    (all) => (all.curve[3].optimum.mean = null),
    (all) => delete all.curve[3].network,
  ];
  for (const damage of damages) {
    const all = JSON.parse(text);
    damage(all);
    assert.equal(parseOptimum(JSON.stringify(all)), null, String(damage));
  }
  assert.equal(parseOptimum("{"), null);
});
