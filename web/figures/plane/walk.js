// The plane's walks: forward by the transitions of Ho et al. 2020, back by DDPM (Algorithm 2, with the small variance of
// its section 3.2) and by DDIM (Song et al. 2021, eq. 12 with eta 0). The same steps as crate/src/sampler, in two numbers.

import { alphaAt } from "./schedule.js";

/** @typedef {import("./exact.js").Guess} Guess */
/** @typedef {import("./shapes.js").Points} Points */

/** How many walk at once. */
export const CROWD = 500;

/** The forward walk is kept at every so many timesteps. */
export const STRIDE = 4;

/**
 * The mean of x_prev and the deviation of the noise that is added to it, where x_0 is known (eq. 7, for any two times).
 * @param {number} alphaCumprod at t
 * @param {number} alphaCumprodPrev at the time before
 * @returns {{ ofX0: number, ofXt: number, deviation: number }} the mean is ofX0 x_0 + ofXt x_t
 */
export function posterior(alphaCumprod, alphaCumprodPrev) {
  const alpha = alphaCumprod / alphaCumprodPrev;
  const rest = 1 - alphaCumprod;
  return {
    ofX0: (Math.sqrt(alphaCumprodPrev) * (1 - alpha)) / rest,
    ofXt: (Math.sqrt(alpha) * (1 - alphaCumprodPrev)) / rest,
    deviation: Math.sqrt(((1 - alpha) * (1 - alphaCumprodPrev)) / rest),
  };
}

/**
 * A step of DDPM.
 * @param {Float32Array} xt
 * @param {Float32Array} x0 the guess
 * @param {Float32Array} z fresh noise
 * @param {number} alphaCumprod
 * @param {number} alphaCumprodPrev
 * @returns {Float32Array} x_prev
 */
export function ddpmStep(xt, x0, z, alphaCumprod, alphaCumprodPrev) {
  const { ofX0, ofXt, deviation } = posterior(alphaCumprod, alphaCumprodPrev);
  return xt.map((x, i) => ofX0 * x0[i] + ofXt * x + deviation * z[i]);
}

/**
 * A step of DDIM, which adds no noise.
 * @param {Float32Array} xt
 * @param {Float32Array} x0 the guess
 * @param {number} alphaCumprod
 * @param {number} alphaCumprodPrev
 * @returns {Float32Array} x_prev
 */
export function ddimStep(xt, x0, alphaCumprod, alphaCumprodPrev) {
  const root = Math.sqrt(alphaCumprod);
  // x_prev = sqrt(abar_prev) x_0 + sqrt(1 - abar_prev) eps, with the eps that x_0 implies.
  const ofEps = Math.sqrt((1 - alphaCumprodPrev) / (1 - alphaCumprod));
  const ofX0 = Math.sqrt(alphaCumprodPrev);
  return xt.map((x, i) => ofX0 * x0[i] + ofEps * (x - root * x0[i]));
}

/** @typedef {{ ddpm: Float32Array, ddim: Float32Array }} Crowds [n, 2] each */

/**
 * Both walks back, side by side from the same x_T.
 * @param {object} options
 * @param {Guess} options.guess
 * @param {Float64Array} options.alphasCumprod
 * @param {number[]} options.timesteps falling
 * @param {Float32Array} options.noise [steps + 1, n, 2]; the first draw is x_T
 * @returns {Generator<Crowds>} x_T, then the crowd after each step
 */
export function* walksBack({ guess, alphasCumprod, timesteps, noise }) {
  const size = noise.length / (timesteps.length + 1);
  const x0 = new Float32Array(size);
  const xT = noise.subarray(0, size);
  let [ddpm, ddim] = [xT, xT];
  yield { ddpm, ddim };
  for (const [index, t] of timesteps.entries()) {
    const now = alphaAt(alphasCumprod, t);
    const before = alphaAt(alphasCumprod, timesteps[index + 1] ?? -1);
    const z = noise.subarray((index + 1) * size, (index + 2) * size);
    guess(ddpm, now, x0);
    ddpm = ddpmStep(ddpm, x0, z, now, before);
    guess(ddim, now, x0);
    ddim = ddimStep(ddim, x0, now, before);
    yield { ddpm, ddim };
  }
}

/** The points that a crowd begins in: each equally often, or nearly so. @param {Points} points @param {number} [count] @returns {number[]} their numbers */
export const beginnings = ({ labels }, count = CROWD) =>
  Array.from({ length: count }, (_, i) => Math.floor((i * labels.length) / count));

/**
 * The walk forward, as it drifts from the points into noise.
 * @param {Points} points
 * @param {Float64Array} alphasCumprod
 * @param {Float32Array} noise [T / STRIDE, n, 2]
 * @returns {Float32Array[]} the crowd before the first step, then after every STRIDE of them
 */
export function walkForward(points, alphasCumprod, noise) {
  const times = alphasCumprod.length / STRIDE;
  const size = noise.length / times;
  const begin = beginnings(points, size / 2);
  let x = Float32Array.from({ length: size }, (_, i) => points.xy[2 * begin[i >> 1] + (i & 1)]);
  const states = [x];
  for (let k = 0; k < times; k++) {
    // Many steps at once are one step with the product of their alphas.
    const alpha =
      alphaAt(alphasCumprod, (k + 1) * STRIDE - 1) / alphaAt(alphasCumprod, k * STRIDE - 1);
    const [keep, add] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    x = x.map((value, i) => keep * value + add * noise[k * size + i]);
    states.push(x);
  }
  return states;
}

/** How far a crowd is from the points, in the mean. @param {Float32Array} crowd [n, 2] @param {Points} points */
export function meanDistance(crowd, { xy }) {
  let sum = 0;
  for (let at = 0; at < crowd.length; at += 2) {
    let least = Infinity;
    for (let i = 0; i < xy.length; i += 2) {
      const [dx, dy] = [crowd[at] - xy[i], crowd[at + 1] - xy[i + 1]];
      least = Math.min(least, dx * dx + dy * dy);
    }
    sum += Math.sqrt(least);
  }
  return sum / (crowd.length / 2);
}
