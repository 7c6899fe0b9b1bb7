// What is known exactly where the data are finitely many points: the density of x_t, its score, and the mean of all x_0
// that an x_t may have come from. It is Bayes' rule with eq. 4 of Ho et al. 2020; nothing is learned.
//
//     p_t(x) = mean over i of N(x; sqrt(abar) x_i, (1 - abar) I)
//     w_i    ∝ exp(-|x - sqrt(abar) x_i|² / (2 (1 - abar)))
//     E[x_0 | x_t = x] = sum over i of w_i x_i
//     score  = (sqrt(abar) E[x_0 | x_t] - x_t) / (1 - abar)

/** @typedef {import("./shapes.js").Points} Points */

/**
 * How likely each point is to be the one that x_t came from.
 * @param {Points} points
 * @param {number} x
 * @param {number} y
 * @param {number} alphaCumprod below 1
 * @param {number | null} [label] only points of this class; null: of any
 * @returns {Float64Array} they add up to 1
 */
export function originsOf({ xy, labels }, x, y, alphaCumprod, label = null) {
  const [root, twice] = [Math.sqrt(alphaCumprod), 2 * (1 - alphaCumprod)];
  const logs = Float64Array.from(labels, (own, i) =>
    label !== null && own !== label
      ? -Infinity
      : -((x - root * xy[2 * i]) ** 2 + (y - root * xy[2 * i + 1]) ** 2) / twice,
  );
  const most = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logs.map((log) => Math.exp(log - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * The logarithm of the density of x_t.
 * @param {Points} points
 * @param {number} x
 * @param {number} y
 * @param {number} alphaCumprod below 1
 * @param {number | null} [label]
 */
export function logDensity({ xy, labels }, x, y, alphaCumprod, label = null) {
  const [root, variance] = [Math.sqrt(alphaCumprod), 1 - alphaCumprod];
  let [most, sum, count] = [-Infinity, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    if (label !== null && labels[i] !== label) continue;
    const log = -((x - root * xy[2 * i]) ** 2 + (y - root * xy[2 * i + 1]) ** 2) / (2 * variance);
    count += 1;
    // What was added so far, by the new greatest.
    if (log > most) sum = sum * Math.exp(most - log) + 1;
    else sum += Math.exp(log - most);
    most = Math.max(most, log);
  }
  return most + Math.log(sum / count / (2 * Math.PI * variance));
}

/** @typedef {(xt: Float32Array, alphaCumprod: number, x0: Float32Array) => void} Guess writes the guess of x_0 for each point of the crowd; both [n, 2] */

/**
 * E[x_0 | x_t]. Guidance (Ho & Salimans 2022) moves eps from that of any class to that of one; x_0 is linear in eps, so
 * that the same holds for x_0.
 * @param {Points} points
 * @param {number | null} label
 * @param {number} guidanceScale
 * @returns {Guess}
 */
export function exactGuess({ xy, labels }, label, guidanceScale) {
  const count = labels.length;
  const logs = new Float64Array(count);
  return (xt, alphaCumprod, x0) => {
    const root = Math.sqrt(alphaCumprod);
    const factor = -1 / (2 * (1 - alphaCumprod));
    for (let at = 0; at < xt.length; at += 2) {
      const [x, y] = [xt[at], xt[at + 1]];
      let [most, mostOwn] = [-Infinity, -Infinity];
      for (let i = 0; i < count; i++) {
        const [dx, dy] = [x - root * xy[2 * i], y - root * xy[2 * i + 1]];
        const log = (dx * dx + dy * dy) * factor;
        logs[i] = log;
        if (log > most) most = log;
        if (labels[i] === label && log > mostOwn) mostOwn = log;
      }
      let [sum, sumX, sumY] = [0, 0, 0];
      let [own, ownX, ownY] = [0, 0, 0];
      for (let i = 0; i < count; i++) {
        const any = Math.exp(logs[i] - most);
        sum += any;
        sumX += any * xy[2 * i];
        sumY += any * xy[2 * i + 1];
        if (label === null || labels[i] !== label) continue;
        const of = Math.exp(logs[i] - mostOwn);
        own += of;
        ownX += of * xy[2 * i];
        ownY += of * xy[2 * i + 1];
      }
      const [meanX, meanY] = [sumX / sum, sumY / sum];
      x0[at] = label === null ? meanX : meanX + guidanceScale * (ownX / own - meanX);
      x0[at + 1] = label === null ? meanY : meanY + guidanceScale * (ownY / own - meanY);
    }
  };
}

/**
 * The score that a guess of x_0 implies, for each point.
 * @param {Float32Array} xt [n, 2]
 * @param {Float32Array} x0 [n, 2]
 * @param {number} alphaCumprod below 1
 */
export function scoreFrom(xt, x0, alphaCumprod) {
  const root = Math.sqrt(alphaCumprod);
  return xt.map((x, i) => (root * x0[i] - x) / (1 - alphaCumprod));
}

/**
 * The density of x_t on a square grid, its greatest value 1. A normal distribution is the product of one in x and one in
 * y, so that a row and a column of exponentials for each point are enough.
 * @param {Points} points
 * @param {number} alphaCumprod
 * @param {number} side cells of a side
 * @param {number} reach of the grid, from -reach to reach
 * @param {number | null} label
 * @returns {Float32Array} [side, side]
 */
export function densityOn({ xy, labels }, alphaCumprod, side, reach, label) {
  const root = Math.sqrt(alphaCumprod);
  const cell = (2 * reach) / side;
  // Never narrower than a cell, between whose centres it would fall.
  const factor = -1 / (2 * Math.max(1 - alphaCumprod, (0.8 * cell) ** 2));
  const density = new Float32Array(side * side);
  const [across, down] = [new Float32Array(side), new Float32Array(side)];
  for (let i = 0; i < labels.length; i++) {
    if (label !== null && labels[i] !== label) continue;
    for (let k = 0; k < side; k++) {
      const centre = (k + 0.5) * cell - reach;
      across[k] = Math.exp((centre - root * xy[2 * i]) ** 2 * factor);
      down[k] = Math.exp((centre - root * xy[2 * i + 1]) ** 2 * factor);
    }
    for (let row = 0; row < side; row++) {
      const of = down[row];
      // Most rows are too far away to matter.
      if (of < 1e-4) continue;
      for (let column = 0; column < side; column++)
        density[row * side + column] += of * across[column];
    }
  }
  const most = density.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? density.map((value) => value / most) : density;
}
