// The arithmetic of the plane: its schedule, its exact score, its steps and its small network. It needs no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  densityOn,
  exactGuess,
  logDensity,
  originsOf,
  scoreFrom,
} from "../../web/figures/plane/exact.js";
import { LEARNING_STEPS, Learner, uniformFrom } from "../../web/figures/plane/learner.js";
import { Network, OUTPUTS, PARAMETERS, firstWeights } from "../../web/figures/plane/network.js";
import { T, alphaAt, alphasCumprodOf, timestepsOf } from "../../web/figures/plane/schedule.js";
import {
  MOST_POINTS,
  REACH,
  along,
  drawnPoints,
  nameable,
  readPoints,
  shapeOf,
  thinned,
  writePoints,
} from "../../web/figures/plane/shapes.js";
import {
  STRIDE,
  ddimStep,
  ddpmStep,
  meanDistance,
  posterior,
  walkForward,
  walksBack,
} from "../../web/figures/plane/walk.js";

const conformance = new URL("../conformance/", import.meta.url);

/** Normal values that follow from a seed. @param {number} seed @param {number} count */
function normal(seed, count) {
  const uniform = uniformFrom(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** @param {number} one @param {number} other @param {number} most @param {string} [what] */
const near = (one, other, most, what = "") =>
  assert.ok(Math.abs(one - other) <= most, `${what} ${one} is not within ${most} of ${other}`);

test("the_schedules_are_those_of_diffusers", async () => {
  const file = await readFile(new URL("schedulers.safetensors", conformance));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + length));
  for (const schedule of /** @type {const} */ (["linear", "squaredcos_cap_v2"])) {
    const { dtype, data_offsets } = header[`alphas_cumprod.${schedule}`];
    const at = 8 + length + data_offsets[0];
    const own = alphasCumprodOf(schedule);
    for (let t = 0; t < T; t++) {
      const theirs = dtype === "F64" ? file.readDoubleLE(at + 8 * t) : file.readFloatLE(at + 4 * t);
      near(own[t] ?? NaN, theirs, 2e-6 + 1e-4 * theirs, `${schedule} at ${t}`);
    }
  }
});

test("a_walk_visits_the_times_that_diffusers_visits", async () => {
  const { timesteps } = JSON.parse(await readFile(new URL("schedulers.json", conformance), "utf8"));
  const cases = timesteps.filter(
    (/** @type {any} */ one) =>
      one.sampler === "ddpm" && one.spacing === "trailing" && one.total === T,
  );
  assert.ok(cases.length > 5);
  for (const { steps, timesteps: theirs } of cases) {
    // Of some numbers of steps diffusers goes one beyond the last time.
    const valid = theirs.filter((/** @type {number} */ t) => t >= 0);
    assert.deepEqual(timestepsOf(steps), valid, `${steps} steps`);
  }
});

test("the_score_is_the_slope_of_the_density", () => {
  const alphasCumprod = alphasCumprodOf("linear");
  const h = 1e-4;
  for (const name of /** @type {const} */ (["moons", "letters"])) {
    const points = shapeOf(name);
    for (const label of [null, 1]) {
      for (const t of [100, 400, 800]) {
        const alphaCumprod = alphaAt(alphasCumprod, t);
        const xt = Float32Array.of(0.25, -0.5, -1.25, 0.75, 2, 1.5);
        const x0 = new Float32Array(xt.length);
        exactGuess(points, label, 1)(xt, alphaCumprod, x0);
        const score = scoreFrom(xt, x0, alphaCumprod);
        /** @param {number} x @param {number} y */
        const log = (x, y) => logDensity(points, x, y, alphaCumprod, label);
        for (let i = 0; i < xt.length; i += 2) {
          const [x = NaN, y = NaN] = xt.subarray(i);
          const most = 1e-3 * (1 + Math.hypot(score[i] ?? NaN, score[i + 1] ?? NaN));
          near(score[i] ?? NaN, (log(x + h, y) - log(x - h, y)) / (2 * h), most, `${name} ${t} x`);
          near(
            score[i + 1] ?? NaN,
            (log(x, y + h) - log(x, y - h)) / (2 * h),
            most,
            `${name} ${t} y`,
          );
        }
      }
    }
  }
});

test("the_guess_is_the_mean_of_the_origins_by_their_weight", () => {
  const points = shapeOf("spiral");
  const weights = originsOf(points, 0.4, -0.3, 0.6);
  near(
    weights.reduce((a, b) => a + b, 0),
    1,
    1e-9,
  );
  const x0 = new Float32Array(2);
  exactGuess(points, null, 1)(Float32Array.of(0.4, -0.3), 0.6, x0);
  for (const axis of [0, 1]) {
    const mean = weights.reduce((sum, w, i) => sum + w * (points.xy[2 * i + axis] ?? NaN), 0);
    near(x0[axis] ?? NaN, mean, 1e-6);
  }
});

test("guidance_of_one_is_the_class_and_of_zero_is_any_of_them", () => {
  const points = shapeOf("moons");
  const xt = Float32Array.of(0.1, 0.2, -1, 0.4);
  /** @param {number | null} label @param {number} scale */
  const guess = (label, scale) => {
    const x0 = new Float32Array(xt.length);
    exactGuess(points, label, scale)(xt, 0.3, x0);
    return [...x0];
  };
  const only = drawnPoints([]);
  only.xy = points.xy.slice(0, 200);
  only.labels = points.labels.slice(0, 100);
  const alone = new Float32Array(xt.length);
  exactGuess(only, null, 1)(xt, 0.3, alone);
  guess(0, 1).forEach((value, i) => near(value, alone[i] ?? NaN, 1e-6));
  guess(0, 0).forEach((value, i) => near(value, guess(null, 1)[i] ?? NaN, 1e-6));
  // Beyond 1 it goes on in the same direction.
  guess(0, 3).forEach((value, i) => {
    const [any = NaN, own = NaN] = [guess(null, 1)[i], guess(0, 1)[i]];
    near(value, any + 3 * (own - any), 1e-5);
  });
});

test("the_heat_map_is_the_density", () => {
  const points = shapeOf("letters");
  const alphaCumprod = 0.5;
  const side = 24;
  for (const label of [null, 0]) {
    const density = densityOn(points, alphaCumprod, side, REACH, label);
    const place = (/** @type {number} */ k) => ((k + 0.5) * 2 * REACH) / side - REACH;
    const logs = Float64Array.from(density, (_, k) =>
      logDensity(points, place(k % side), place(Math.floor(k / side)), alphaCumprod, label),
    );
    const most = logs.reduce((a, b) => Math.max(a, b));
    density.forEach((value, k) => near(value, Math.exp((logs[k] ?? NaN) - most), 1e-3));
  }
});

test("the_posterior_of_ddpm_is_bayes_rule", () => {
  const [alphaCumprod, alphaCumprodPrev] = [0.35, 0.6];
  const { ofX0, ofXt, deviation } = posterior(alphaCumprod, alphaCumprodPrev);
  // x_prev is normal around sqrt(abar_prev) x_0, and x_t around sqrt(alpha) x_prev: precisions add up.
  const [x0, xt] = [0.8, -0.4];
  const alpha = alphaCumprod / alphaCumprodPrev;
  const precision = 1 / (1 - alphaCumprodPrev) + alpha / (1 - alpha);
  const mean =
    ((Math.sqrt(alphaCumprodPrev) * x0) / (1 - alphaCumprodPrev) +
      (Math.sqrt(alpha) * xt) / (1 - alpha)) /
    precision;
  near(ofX0 * x0 + ofXt * xt, mean, 1e-12);
  near(deviation, Math.sqrt(1 / precision), 1e-12);
  const stepped = ddpmStep(
    Float32Array.of(xt),
    Float32Array.of(x0),
    Float32Array.of(2),
    alphaCumprod,
    alphaCumprodPrev,
  );
  near(stepped[0] ?? NaN, mean + 2 * deviation, 1e-6);
});

test("ddim_keeps_the_noise_that_it_sees", () => {
  const [alphaCumprod, alphaCumprodPrev, x0, eps] = [0.35, 0.6, 0.8, -1.3];
  const xt = Math.sqrt(alphaCumprod) * x0 + Math.sqrt(1 - alphaCumprod) * eps;
  const stepped = ddimStep(
    Float32Array.of(xt),
    Float32Array.of(x0),
    alphaCumprod,
    alphaCumprodPrev,
  );
  const expected = Math.sqrt(alphaCumprodPrev) * x0 + Math.sqrt(1 - alphaCumprodPrev) * eps;
  near(stepped[0] ?? NaN, expected, 1e-6);
});

/** Where both walks end. @param {import("../../web/figures/plane/shapes.js").Points} points @param {number} steps */
function ends(points, steps) {
  const walks = walksBack({
    guess: exactGuess(points, null, 1),
    alphasCumprod: alphasCumprodOf("linear"),
    timesteps: timestepsOf(steps),
    noise: normal(3, (steps + 1) * 200),
  });
  const all = [...walks];
  assert.equal(all.length, steps + 1);
  return all.at(-1) ?? assert.fail();
}

test("many_steps_land_on_the_points_and_one_lands_in_their_middle", () => {
  const points = shapeOf("ring");
  // The last step takes all noise away, down to that of t = 0, which is 0.01.
  const many = ends(points, 1000);
  assert.ok(meanDistance(many.ddim, points) < 0.003, `${meanDistance(many.ddim, points)}`);
  assert.ok(meanDistance(many.ddpm, points) < 0.003, `${meanDistance(many.ddpm, points)}`);
  const one = ends(points, 1);
  assert.ok(meanDistance(one.ddim, points) > 1.2, `${meanDistance(one.ddim, points)}`);
  // Few steps are better than one and worse than many.
  const few = meanDistance(ends(points, 5).ddim, points);
  assert.ok(few < 0.7 && few > 0.05, `${few}`);
});

test("all_of_the_ring_is_reached_by_both_walks", () => {
  const points = shapeOf("ring");
  const { ddpm, ddim } = ends(points, 200);
  for (const crowd of [ddpm, ddim]) {
    const sectors = new Set();
    for (let i = 0; i < crowd.length; i += 2) {
      sectors.add(Math.floor((4 * Math.atan2(crowd[i + 1] ?? 0, crowd[i] ?? 0)) / Math.PI));
    }
    assert.equal(sectors.size, 8);
  }
});

test("the_walk_forward_has_the_mean_and_the_variance_of_eq_4", () => {
  const alphasCumprod = alphasCumprodOf("squaredcos_cap_v2");
  const points = drawnPoints([[1.5, -0.5]]);
  const count = 2000;
  const states = walkForward(points, alphasCumprod, normal(5, ((2 * T) / STRIDE) * count));
  assert.equal(states.length, T / STRIDE + 1);
  for (const t of [199, 599, 999]) {
    const state = states[(t + 1) / STRIDE] ?? assert.fail();
    const xs = state.filter((_, i) => i % 2 === 0);
    const mean = xs.reduce((a, b) => a + b, 0) / count;
    const variance = xs.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
    near(mean, 1.5 * Math.sqrt(alphaAt(alphasCumprod, t)), 0.08, `mean at ${t}`);
    near(variance, 1 - alphaAt(alphasCumprod, t), 0.1, `variance at ${t}`);
  }
});

test("the_network_knows_its_own_slope", () => {
  const uniform = uniformFrom(11);
  const weights = firstWeights(uniform).map((value) => value + 0.1 * (uniform() - 0.5));
  const targets = [0.3, -0.2, 0.5, 1, -0.7, 0.1];
  const loss = () => {
    const network = new Network(weights, 3);
    network.see(0, 0.4, -0.7, 0.6, null);
    network.see(1, -1.1, 0.2, 0.1, 1);
    network.see(2, 0.3, 1.4, 0.9, 0);
    const v = network.run();
    const byOutput = new Float64Array(v.length);
    targets.forEach((target, i) => {
      const at = OUTPUTS * (i >> 1) + (i & 1);
      byOutput[at] = (v[at] ?? NaN) - target;
    });
    const value = byOutput.reduce((sum, error) => sum + error ** 2 / 2, 0);
    return { network, value, byOutput };
  };
  const gradient = new Float64Array(PARAMETERS);
  const { network, byOutput } = loss();
  network.learnFrom(byOutput, gradient);
  const h = 1e-5;
  const size = Math.max(...gradient.map(Math.abs));
  let moved = 0;
  for (let i = 0; i < PARAMETERS; i += 97) {
    const before = weights[i] ?? 0;
    weights[i] = before + h;
    const above = loss().value;
    weights[i] = before - h;
    const slope = (above - loss().value) / (2 * h);
    weights[i] = before;
    near(gradient[i] ?? NaN, slope, 1e-6 * size, `parameter ${i}`);
    if (Math.abs(slope) > 0.003 * size) moved += 1;
  }
  assert.ok(moved > 20, `${moved} of the parameters matter`);
});

test("the_network_comes_near_to_the_exact_answer", () => {
  const learner = new Learner({
    points: shapeOf("moons"),
    alphasCumprod: alphasCumprodOf("linear"),
    noise: normal(7, 2 ** 15),
    seed: 1,
  });
  const least = learner.leastLoss();
  const first = learner.loss();
  while (learner.step < LEARNING_STEPS / 4) learner.descend();
  const loss = learner.loss();
  assert.ok(first > least + 0.2, `it begins at ${first}`);
  assert.ok(
    loss < least + 0.05,
    `${loss} after a quarter of the steps; the exact answer has ${least}`,
  );
  assert.ok(loss > least - 0.02, `${loss} is better than the exact answer's ${least}`);
});

test("a_drawing_is_the_same_after_a_link", () => {
  const uniform = uniformFrom(2);
  const places = Array.from({ length: 900 }, () =>
    nameable([2 * REACH * uniform() - REACH, 2 * REACH * uniform() - REACH]),
  );
  const kept = thinned(places);
  assert.ok(kept.length <= MOST_POINTS && kept.length > MOST_POINTS / 2, `${kept.length}`);
  const text = writePoints(kept);
  assert.match(text, /^[\w-]+$/);
  assert.deepEqual(readPoints(text), kept);
  assert.deepEqual(readPoints(""), []);
  assert.equal(readPoints("A"), null);
  assert.equal(readPoints("AAAA"), null, "three bytes are no points");
  assert.equal(readPoints("A".repeat(4000)), null, "more than a link carries");
});

test("points_on_a_line_are_equally_far_apart", () => {
  const places = along(
    [
      [0, 0],
      [3, 0],
      [3, 1],
    ],
    9,
  );
  assert.deepEqual(places[0], [0, 0]);
  assert.deepEqual(places.at(-1), [3, 1]);
  for (let i = 1; i < places.length; i++) {
    const [[a = NaN, b = NaN], [x = NaN, y = NaN]] = [places[i - 1] ?? [], places[i] ?? []];
    near(Math.hypot(x - a, y - b), 0.5, 1e-9, `${i}`);
  }
});

test("every_shape_lies_in_sight_and_has_about_unit_variance", () => {
  for (const name of /** @type {const} */ (["moons", "spiral", "ring", "letters"])) {
    const { xy, labels, classes } = shapeOf(name);
    assert.equal(xy.length, 2 * labels.length);
    assert.ok(
      xy.every((value) => Math.abs(value) < 0.75 * REACH),
      name,
    );
    const variance = xy.reduce((sum, value) => sum + value * value, 0) / xy.length;
    assert.ok(variance > 0.5 && variance < 1.6, `${name}: ${variance}`);
    assert.equal(new Set(labels).size, Math.max(1, classes.length), name);
  }
});
