// What is asked about one digit and one noise: the error at any t, and the terms of the bound.

import { difference, meanSquare } from "../../basics/statistics.js";

/** @typedef {import("../shared/figure.js").Context} Context */

/**
 * @typedef {object} Subject what the questions are about
 * @property {Float32Array} x0
 * @property {number | null} label the model's class for it
 * @property {number} seed
 * @property {Float32Array} eps the noise of this seed
 * @property {readonly Float32Array[] | null} origins the images that x0 may be one of, for whoever knows the label; null: it may be any image
 */

/** @typedef {{ xt: Float32Array, eps: Float32Array, guess: Float32Array, error: number, nothing: number }} Answer nothing: the error of an answer of zeros */

/** Where the curves are computed: this many times, closer together where t is small. */
const TIMES = 24;

/** Coarse first, then the gaps. @param {number} trainTimesteps @returns {number[]} */
export function times(trainTimesteps) {
  const last = trainTimesteps - 1;
  const all = Array.from({ length: TIMES }, (_, i) => Math.round(last * (i / (TIMES - 1)) ** 2));
  const order = [TIMES - 1, 0];
  for (let gap = 16; gap >= 1; gap /= 2) {
    for (let i = gap; i < TIMES; i += gap) if (!order.includes(i)) order.push(i);
  }
  return [...new Set(order.map((i) => all[i] ?? 0))];
}

/**
 * Line 5 of Algorithm 1 without the gradient.
 * @param {Context} context
 * @param {Subject} subject
 * @param {number} t
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function ask({ arithmetic, engine, loaded }, { x0, label, eps }, t, signal) {
  const alphaCumprod = loaded.schedule.alphasCumprod[t] ?? NaN;
  const xt = await arithmetic.addNoise({ x0, eps, alphaCumprod }, signal);
  const question = { xt, count: 1, timestep: t };
  const answer = await engine.denoise(
    label === null ? question : { ...question, labels: Uint32Array.of(label) },
    signal,
  );
  const error = meanSquare(difference(answer.eps, eps));
  return { xt, eps, guess: answer.eps, error, nothing: meanSquare(eps) };
}

/** Values over t, as they come in. */
export class Curve {
  /** @type {Map<number, number>} */
  #values = new Map();

  /** @param {number} t @param {number} value */
  put(t, value) {
    this.#values.set(t, value);
  }

  /** @param {number} t */
  has(t) {
    return this.#values.has(t);
  }

  /** @param {number} t */
  at(t) {
    return this.#values.get(t) ?? null;
  }

  clear() {
    this.#values.clear();
  }

  get size() {
    return this.#values.size;
  }

  /** @returns {[number[], number[]]} t, ascending, and the values */
  get lines() {
    const sorted = [...this.#values].sort(([a], [b]) => a - b);
    return [sorted.map(([t]) => t), sorted.map(([, value]) => value)];
  }
}

/**
 * The sum of the bound's terms over all whole t from 0 on, from those at some of them: between two, a term is taken to
 * change by the same factor at every t. L_0, at t = 0, is a likelihood and the others are distances, so nothing is drawn
 * between them: the terms before the second value continue what follows it.
 * @param {[ArrayLike<number>, ArrayLike<number>]} lines t, ascending, and the values
 */
export function sumOver([timesteps, values]) {
  let sum = values[0] ?? 0;
  for (let i = 1; i < timesteps.length; i++) {
    const steps = (timesteps[i] ?? 0) - (timesteps[i - 1] ?? 0);
    const to = values[i] ?? 0;
    const factor = i > 1 ? factorAt(i) : Math.min(1, factorAt(2));
    for (let step = 0, value = to; step < steps; step++, value /= factor) sum += value;
  }
  return sum;

  /** By what a term changes from one t to the next, before the one at `i`. @param {number} i */
  function factorAt(i) {
    const steps = (timesteps[i] ?? 0) - (timesteps[i - 1] ?? 0);
    const factor = ((values[i] ?? 0) / (values[i - 1] ?? 0)) ** (1 / steps);
    return factor > 0 && Number.isFinite(factor) ? factor : 1;
  }
}
