// A small network for the plane, with its backward pass: three hidden layers that see a point, a time and a class, and
// answer with v (Salimans & Ho 2022), which is as well scaled at large t as at small t:
//
//     v = sqrt(abar) eps - sqrt(1 - abar) x_0        x_0 = sqrt(abar) x_t - sqrt(1 - abar) v

/** @typedef {import("./exact.js").Guess} Guess */

/** A point is also seen in waves of these lengths, which makes thin shapes easy to tell. */
const WAVES = [1.5, 3, 6];
/** The time is seen as the logarithm of signal to noise, and in waves of it. */
const TIME_WAVES = [1, 2, 3];
/** At most so many classes; none of them is "any". */
const CLASSES = 2;

/** Rounded up to a multiple of four, as every layer is; what is left over is 0. */
const INPUTS = 4 * Math.ceil((2 + 4 * WAVES.length + 1 + 2 * TIME_WAVES.length + CLASSES) / 4);
/** The first two are v. */
export const OUTPUTS = 4;
const WIDTH = 48;
/** From layer to layer. */
const SIZES = [INPUTS, WIDTH, WIDTH, WIDTH, OUTPUTS];

/** Where each layer's weights lie in one list: [inputs, outputs], then a bias for each output. */
const LAYERS = SIZES.slice(1).map((outputs, i) => ({ inputs: SIZES[i], outputs, at: 0 }));
let filled = 0;
for (const layer of LAYERS) {
  layer.at = filled;
  filled += (layer.inputs + 1) * layer.outputs;
}

/** How many numbers are learned. */
export const PARAMETERS = filled;

/**
 * A product of matrices, with four columns of two rows at a time, which is what keeps a processor busy.
 * @param {Float64Array} out [rows, columns]
 * @param {[rows: number, inner: number, columns: number]} size
 * @param {Float64Array} a
 * @param {[from: number, row: number, inner: number]} strideOfA
 * @param {Float64Array} b
 * @param {[from: number, inner: number, column: number]} strideOfB
 * @param {number} to where the product begins in `out`
 */
function multiply(
  out,
  [rows, inner, columns],
  a,
  [a0, aRow, aInner],
  b,
  [b0, bInner, bColumn],
  to,
) {
  for (let row = 0; row < rows; row += 2) {
    const two = row + 1 < rows;
    const first = a0 + row * aRow;
    const second = two ? first + aRow : first;
    for (let column = 0; column < columns; column += 4) {
      const from = b0 + column * bColumn;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let u0 = 0;
      let u1 = 0;
      let u2 = 0;
      let u3 = 0;
      let i = first;
      let j = second;
      let k = from;
      for (let n = 0; n < inner; n++) {
        const x = a[i];
        const y = a[j];
        const p = b[k];
        const q = b[k + bColumn];
        const r = b[k + 2 * bColumn];
        const s = b[k + 3 * bColumn];
        s0 += x * p;
        s1 += x * q;
        s2 += x * r;
        s3 += x * s;
        u0 += y * p;
        u1 += y * q;
        u2 += y * r;
        u3 += y * s;
        i += aInner;
        j += aInner;
        k += bInner;
      }
      const at = to + row * columns + column;
      out[at] = s0;
      out[at + 1] = s1;
      out[at + 2] = s2;
      out[at + 3] = s3;
      if (!two) continue;
      out[at + columns] = u0;
      out[at + columns + 1] = u1;
      out[at + columns + 2] = u2;
      out[at + columns + 3] = u3;
    }
  }
}

/** @param {() => number} uniform from 0 to 1 @returns {Float64Array} what the network begins with */
export function firstWeights(uniform) {
  const weights = new Float64Array(PARAMETERS);
  for (const { inputs, outputs, at } of LAYERS) {
    // The last layer begins at 0: the first answer is 0.
    if (outputs === OUTPUTS) continue;
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
  /** [count, OUTPUTS] after `run` */
  output;

  /** @param {Float64Array} weights @param {number} count how many points it is asked about at once */
  constructor(weights, count) {
    this.weights = weights;
    this.#count = count;
    this.#given = LAYERS.map(({ inputs }) => new Float64Array(count * inputs));
    this.#sums = LAYERS.map(({ outputs }) => new Float64Array(count * outputs));
    this.#back = LAYERS.map(({ inputs }) => new Float64Array(count * inputs));
    this.output = this.#sums[LAYERS.length - 1];
  }

  /**
   * What the network sees of one point.
   * @param {number} index of the point
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

  /** Answers for all that it sees. @returns {Float64Array} v, [count, OUTPUTS] */
  run() {
    LAYERS.forEach(({ inputs, outputs, at }, layer) => {
      const [given, sums, weights] = [this.#given[layer], this.#sums[layer], this.weights];
      const count = this.#count;
      multiply(sums, [count, inputs, outputs], given, [0, inputs, 1], weights, [at, outputs, 1], 0);
      const bias = at + inputs * outputs;
      for (let k = 0; k < sums.length; k += outputs) {
        for (let o = 0; o < outputs; o++) sums[k + o] += weights[bias + o];
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
   * @param {Float64Array} byOutput the gradient by the output, [count, OUTPUTS]
   * @param {Float64Array} gradient is written, in the order of the weights
   */
  learnFrom(byOutput, gradient) {
    const count = this.#count;
    let by = byOutput;
    for (let layer = LAYERS.length - 1; layer >= 0; layer--) {
      const { inputs, outputs, at } = LAYERS[layer];
      const given = this.#given[layer];
      const bias = at + inputs * outputs;
      multiply(gradient, [inputs, count, outputs], given, [0, 1, inputs], by, [0, outputs, 1], at);
      gradient.fill(0, bias, bias + outputs);
      for (let k = 0; k < by.length; k += outputs) {
        for (let o = 0; o < outputs; o++) gradient[bias + o] += by[k + o];
      }
      if (layer === 0) return;
      const [back, sums] = [this.#back[layer], this.#sums[layer - 1]];
      const turned = /** @type {[number, number, number]} */ ([at, 1, outputs]);
      multiply(back, [count, outputs, inputs], by, [0, outputs, 1], this.weights, turned, 0);
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
 * @param {Float64Array} weights
 * @param {number} count of the points of a crowd
 * @param {number | null} label
 * @param {number} guidanceScale
 * @returns {Guess}
 */
export function learnedGuess(weights, count, label, guidanceScale) {
  const network = new Network(weights, count);
  const answer = new Float64Array(OUTPUTS * count);
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
    for (let n = 0; n < count; n++) {
      x0[2 * n] = root * xt[2 * n] - rest * answer[OUTPUTS * n];
      x0[2 * n + 1] = root * xt[2 * n + 1] - rest * answer[OUTPUTS * n + 1];
    }
  };
}
