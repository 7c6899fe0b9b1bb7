// The noise of the plane's chain: the same thousand times, the same schedules and the same choice of times as the crate's
// (crate/src/schedule/betas.rs, crate/src/sampler/timesteps.rs), so that what is seen here holds for images too.

/** T, as in Ho et al. 2020. */
export const T = 1000;

/** @typedef {"linear" | "squaredcos_cap_v2"} PlaneSchedule the field's names */

/** Ho et al. 2020, section 4: from 0.0001 to 0.02 in a straight line. @param {number} t */
const linear = (t) => 1e-4 + (t * (0.02 - 1e-4)) / (T - 1);

/** How much of the image's variance is left at a share of the way. @param {number} s */
const cosine = (s) => Math.cos(((s + 0.008) / 1.008) * (Math.PI / 2)) ** 2;

/** Nichol & Dhariwal 2021, eq. 17. @param {number} t */
const squaredCosine = (t) => Math.min(0.999, 1 - cosine((t + 1) / T) / cosine(t / T));

/** @param {PlaneSchedule} schedule @returns {Float64Array} abar_t for every t */
export function alphasCumprodOf(schedule) {
  const beta = schedule === "linear" ? linear : squaredCosine;
  let left = 1;
  return Float64Array.from({ length: T }, (_, t) => (left *= 1 - beta(t)));
}

/**
 * Which times a walk visits: "trailing", which begins at T-1.
 * @param {number} numInferenceSteps
 * @returns {number[]} falling
 */
export function timestepsOf(numInferenceSteps) {
  // NumPy's arange adds multiples of the difference of its first two numbers, with the rounding that is in it.
  const difference = T - T / numInferenceSteps - T;
  return Array.from({ length: numInferenceSteps }, (_, i) => rounded(T + i * difference) - 1);
}

/** As NumPy rounds: a half to the even number. @param {number} value */
const rounded = (value) => (value % 2 === 0.5 ? Math.floor(value) : Math.round(value));

/** abar_t; 1 where t is -1: the points themselves. @param {Float64Array} alphasCumprod @param {number} t */
export const alphaAt = (alphasCumprod, t) => (t < 0 ? 1 : (alphasCumprod[t] ?? 0));
