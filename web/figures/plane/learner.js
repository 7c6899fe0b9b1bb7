// How the small network learns: Algorithm 1 of Ho et al. 2020 with Adam (Kingma & Ba 2015), on a finite set of points.

import { exactGuess } from "./exact.js";
import { Network, OUTPUTS, PARAMETERS, firstWeights } from "./network.js";

/** @typedef {import("./shapes.js").Points} Points */

/** Noisy points of one step. */
const BATCH = 64;
/** Steps of the whole learning. */
export const LEARNING_STEPS = 2400;
/** The rate falls from the first to the last like half a cosine. */
const RATES = /** @type {const} */ ([4e-3, 1e-4]);
/** So often the class is not told, so that the network can be asked for any. */
const UNTOLD = 0.25;
/** Noisy points that all losses are measured on. */
const MEASURED = 512;

/** Numbers from 0 to 1 that follow from a seed: mulberry32. @param {number} seed @returns {() => number} */
export function uniformFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Learner {
  #points;
  #alphasCumprod;
  #noise;
  #uniform;
  #network;
  #gradient = new Float64Array(PARAMETERS);
  #mean = new Float64Array(PARAMETERS);
  #square = new Float64Array(PARAMETERS);
  #byOutput = new Float64Array(OUTPUTS * BATCH);
  /** What the losses are measured on. */
  #measured;
  step = 0;

  /**
   * @param {object} options
   * @param {Points} options.points
   * @param {Float64Array} options.alphasCumprod
   * @param {Float32Array} options.noise normal values, drawn from again and again
   * @param {number} options.seed of everything else that is random
   */
  constructor({ points, alphasCumprod, noise, seed }) {
    this.#points = points;
    this.#alphasCumprod = alphasCumprod;
    this.#noise = noise;
    this.#uniform = uniformFrom(seed);
    this.weights = firstWeights(this.#uniform);
    this.#network = new Network(this.weights, BATCH);
    this.#measured = Array.from({ length: MEASURED }, () => this.#example());
  }

  /** A point with noise, and what is to be answered. */
  #example() {
    const { xy, labels, classes } = this.#points;
    const pick = (/** @type {number} */ count) => Math.floor(this.#uniform() * count);
    const [point, from] = [pick(labels.length), 2 * pick(this.#noise.length / 2)];
    const alphaCumprod = this.#alphasCumprod[pick(this.#alphasCumprod.length)];
    const told = classes.length > 0 && this.#uniform() >= UNTOLD;
    const [root, rest] = [Math.sqrt(alphaCumprod), Math.sqrt(1 - alphaCumprod)];
    const [x0, y0] = [xy[2 * point], xy[2 * point + 1]];
    const [epsX, epsY] = [this.#noise[from], this.#noise[from + 1]];
    return {
      x: root * x0 + rest * epsX,
      y: root * y0 + rest * epsY,
      alphaCumprod,
      label: told ? labels[point] : null,
      vx: root * epsX - rest * x0,
      vy: root * epsY - rest * y0,
    };
  }

  /** One step. */
  descend() {
    const network = this.#network;
    const targets = Array.from({ length: BATCH }, (_, n) => {
      const example = this.#example();
      network.see(n, example.x, example.y, example.alphaCumprod, example.label);
      return example;
    });
    const v = network.run();
    targets.forEach(({ vx, vy }, n) => {
      this.#byOutput[OUTPUTS * n] = (v[OUTPUTS * n] - vx) / BATCH;
      this.#byOutput[OUTPUTS * n + 1] = (v[OUTPUTS * n + 1] - vy) / BATCH;
    });
    network.learnFrom(this.#byOutput, this.#gradient);
    this.#adam();
  }

  #adam() {
    const share = Math.min(1, this.step / LEARNING_STEPS);
    const rate = RATES[1] + ((RATES[0] - RATES[1]) * (1 + Math.cos(Math.PI * share))) / 2;
    this.step += 1;
    const [weights, gradient, mean, square] = [
      this.weights,
      this.#gradient,
      this.#mean,
      this.#square,
    ];
    const size = (rate * Math.sqrt(1 - 0.999 ** this.step)) / (1 - 0.9 ** this.step);
    for (let i = 0; i < PARAMETERS; i++) {
      mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i];
      weights[i] -= (size * mean[i]) / (Math.sqrt(square[i]) + 1e-8);
    }
  }

  /** The mean squared error of v now, always on the same points. */
  loss() {
    const network = new Network(this.weights, MEASURED);
    this.#measured.forEach(({ x, y, alphaCumprod, label }, n) =>
      network.see(n, x, y, alphaCumprod, label),
    );
    const v = network.run();
    return this.#error((n) => [v[OUTPUTS * n], v[OUTPUTS * n + 1]]);
  }

  /** The same of the exact answer: no network can do better in the mean. */
  leastLoss() {
    const x0 = new Float32Array(2);
    const guesses = new Map(
      [null, 0, 1].map((label) => [label, exactGuess(this.#points, label, 1)]),
    );
    return this.#error((n) => {
      const { x, y, alphaCumprod, label } = this.#measured[n];
      guesses.get(label)?.(Float32Array.of(x, y), alphaCumprod, x0);
      const [root, rest] = [Math.sqrt(alphaCumprod), Math.sqrt(1 - alphaCumprod)];
      return [(root * x - x0[0]) / rest, (root * y - x0[1]) / rest];
    });
  }

  /** @param {(n: number) => [number, number]} answer */
  #error(answer) {
    const errors = this.#measured.map(({ vx, vy }, n) => {
      const [x, y] = answer(n);
      return (x - vx) ** 2 + (y - vy) ** 2;
    });
    return errors.reduce((a, b) => a + b, 0) / (2 * MEASURED);
  }
}
