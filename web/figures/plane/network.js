// A small network for the plane, with its backward pass: three hidden layers that see a place, a time and a class, and
// answer with v (Salimans & Ho 2022), which is as well scaled at large t as at small t:
//
//     v = sqrt(abar) eps - sqrt(1 - abar) x_0        x_0 = sqrt(abar) x_t - sqrt(1 - abar) v

/** @typedef {import("./exact.js").Guess} Guess */

/** A place is also seen in waves of these lengths, which makes thin shapes easy to tell. */
const WAVES = [1.5, 3, 6];
/** The time is seen as the logarithm of signal to noise, and in waves of it. */
const TIME_WAVES = [1, 2, 3];
/** At most so many classes; none of them is "any". */
const CLASSES = 2;

const INPUTS = 2 + 4 * WAVES.length + 1 + 2 * TIME_WAVES.length + CLASSES;
const WIDTH = 64;
/** From layer to layer. */
const SIZES = [INPUTS, WIDTH, WIDTH, WIDTH, 2];

/** Where each layer's weights lie in one list: [inputs, outputs], then a bias for each output. */
const LAYERS = SIZES.slice(1).map((outputs, i) => ({ inputs: SIZES[i], outputs, at: 0 }));
let filled = 0;
for (const layer of LAYERS) {
  layer.at = filled;
  filled += (layer.inputs + 1) * layer.outputs;
}

/** How many numbers are learned. */
export const PARAMETERS = filled;

/** @param {() => number} uniform from 0 to 1 @returns {Float32Array} what the network begins with */
export function firstWeights(uniform) {
  const weights = new Float32Array(PARAMETERS);
  for (const { inputs, outputs, at } of LAYERS) {
    // The last layer begins at 0: the first answer is 0.
    if (outputs === 2) continue;
    const bound = Math.sqrt(3 / inputs);
    for (let i = 0; i < inputs * outputs; i++) weights[at + i] = bound * (2 * uniform() - 1);
  }
  return weights;
}

export class Network {
  #count;
  /** What each layer was given, and after it the activations before SiLU. */
  #given;
  #sums;
  /** The gradient by what each layer was given. */
  #back;
  /** [count, 2] after `run` */
  output;

  /** @param {Float32Array} weights @param {number} count how many places it is asked about at once */
  constructor(weights, count) {
    this.weights = weights;
    this.#count = count;
    this.#given = LAYERS.map(({ inputs }) => new Float32Array(count * inputs));
    this.#sums = LAYERS.map(({ outputs }) => new Float32Array(count * outputs));
    this.#back = LAYERS.map(({ inputs }) => new Float32Array(count * inputs));
    this.output = this.#sums[LAYERS.length - 1];
  }

  /**
   * What the network sees of one place.
   * @param {number} index of the place
   * @param {number} x
   * @param {number} y
   * @param {number} alphaCumprod
   * @param {number | null} label null: any
   */
  see(index, x, y, alphaCumprod, label) {
    const inputs = this.#given[0];
    let at = index * INPUTS;
    for (const value of [x, y]) {
      inputs[at++] = value;
      for (const wave of WAVES) {
        inputs[at++] = Math.sin(wave * value);
        inputs[at++] = Math.cos(wave * value);
      }
    }
    const level = Math.log(alphaCumprod / (1 - alphaCumprod)) / 10;
    inputs[at++] = level;
    for (const wave of TIME_WAVES) {
      inputs[at++] = Math.sin((wave * Math.PI * level) / 2);
      inputs[at++] = Math.cos((wave * Math.PI * level) / 2);
    }
    for (let own = 0; own < CLASSES; own++) inputs[at++] = own === label ? 1 : 0;
  }

  /** Answers for all that it sees. @returns {Float32Array} v, [count, 2] */
  run() {
    LAYERS.forEach(({ inputs, outputs, at }, layer) => {
      const [given, sums, weights] = [this.#given[layer], this.#sums[layer], this.weights];
      const bias = at + inputs * outputs;
      for (let n = 0; n < this.#count; n++) {
        const to = n * outputs;
        for (let o = 0; o < outputs; o++) sums[to + o] = weights[bias + o];
        for (let i = 0; i < inputs; i++) {
          const value = given[n * inputs + i];
          const row = at + i * outputs;
          for (let o = 0; o < outputs; o++) sums[to + o] += value * weights[row + o];
        }
      }
      const next = this.#given[layer + 1];
      if (next === undefined) return;
      // SiLU: x sigmoid(x)
      for (let k = 0; k < next.length; k++) next[k] = sums[k] / (1 + Math.exp(-sums[k]));
    });
    return this.output;
  }

  /**
   * The gradient by the weights, after `run`.
   * @param {Float32Array} byOutput the gradient by the output, [count, 2]
   * @param {Float32Array} gradient is written, in the order of the weights
   */
  learnFrom(byOutput, gradient) {
    gradient.fill(0);
    let by = byOutput;
    for (let layer = LAYERS.length - 1; layer >= 0; layer--) {
      const { inputs, outputs, at } = LAYERS[layer];
      const [given, back, weights] = [this.#given[layer], this.#back[layer], this.weights];
      const bias = at + inputs * outputs;
      for (let n = 0; n < this.#count; n++) {
        const from = n * outputs;
        for (let o = 0; o < outputs; o++) gradient[bias + o] += by[from + o];
        for (let i = 0; i < inputs; i++) {
          const value = given[n * inputs + i];
          const row = at + i * outputs;
          let sum = 0;
          for (let o = 0; o < outputs; o++) {
            const of = by[from + o];
            gradient[row + o] += value * of;
            sum += of * weights[row + o];
          }
          back[n * inputs + i] = sum;
        }
      }
      if (layer === 0) return;
      const sums = this.#sums[layer - 1];
      for (let k = 0; k < back.length; k++) {
        const share = 1 / (1 + Math.exp(-sums[k]));
        back[k] *= share * (1 + sums[k] * (1 - share));
      }
      by = back;
    }
  }
}

/**
 * The guess of x_0 that a network makes.
 * @param {Float32Array} weights
 * @param {number} count of the places of a crowd
 * @param {number | null} label
 * @param {number} guidanceScale
 * @returns {Guess}
 */
export function learnedGuess(weights, count, label, guidanceScale) {
  const network = new Network(weights, count);
  const answer = new Float32Array(2 * count);
  return (xt, alphaCumprod, x0) => {
    /** @param {number | null} asked */
    const ask = (asked) => {
      for (let n = 0; n < count; n++) network.see(n, xt[2 * n], xt[2 * n + 1], alphaCumprod, asked);
      return network.run();
    };
    answer.set(ask(label));
    if (label !== null && guidanceScale !== 1) {
      const any = ask(null);
      for (let i = 0; i < answer.length; i++) {
        answer[i] = any[i] + guidanceScale * (answer[i] - any[i]);
      }
    }
    const [root, rest] = [Math.sqrt(alphaCumprod), Math.sqrt(1 - alphaCumprod)];
    for (let i = 0; i < x0.length; i++) x0[i] = root * xt[i] - rest * answer[i];
  };
}
