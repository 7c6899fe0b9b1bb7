// The best possible answer where x_0 is one of finitely many images, each as likely as the others: the mean of x_0 given
// x_t, by Bayes' rule and eq. 4 of Ho et al. 2020. Nothing is learned. crate/src/eval/optimum has the same for a whole
// data set.
//
//     w_i      ∝ exp(-|x_t - sqrt(abar) x_i|² / (2 (1 - abar)))
//     x_0-hat* = sum over i of w_i x_i
//     eps-hat* = (x_t - sqrt(abar) x_0-hat*) / sqrt(1 - abar)

/**
 * @param {Float32Array} xt
 * @param {readonly Float32Array[]} images at least one, each of the size of xt
 * @param {number} alphaCumprod below 1
 * @returns {Float64Array} x_0-hat*
 */
export function meanX0(xt, images, alphaCumprod) {
  const root = Math.sqrt(alphaCumprod);
  const logs = images.map((image) => {
    let squares = 0;
    for (let p = 0; p < xt.length; p++) squares += ((xt[p] ?? 0) - root * (image[p] ?? 0)) ** 2;
    return -squares / (2 * (1 - alphaCumprod));
  });
  const most = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const mean = new Float64Array(xt.length);
  images.forEach((image, i) => {
    const weight = (weights[i] ?? 0) / sum;
    // Most are out of the question.
    if (weight > 0) for (let p = 0; p < mean.length; p++) mean[p] += weight * (image[p] ?? 0);
  });
  return mean;
}

/**
 * The squared error of eps-hat*, mean over the pixels. eps - eps-hat* is sqrt(abar / (1 - abar)) (x_0-hat* - x_0), which
 * does not lose digits where the two are close.
 * @param {Float32Array} x0 one of the images
 * @param {Float32Array} eps
 * @param {readonly Float32Array[]} images
 * @param {number} alphaCumprod below 1
 */
export function leastError(x0, eps, images, alphaCumprod) {
  const [ofX0, ofEps] = [Math.sqrt(alphaCumprod), Math.sqrt(1 - alphaCumprod)];
  const xt = x0.map((value, p) => ofX0 * value + ofEps * (eps[p] ?? 0));
  const mean = meanX0(xt, images, alphaCumprod);
  let squares = 0;
  for (let p = 0; p < x0.length; p++) squares += ((mean[p] ?? 0) - (x0[p] ?? 0)) ** 2;
  return ((alphaCumprod / (1 - alphaCumprod)) * squares) / x0.length;
}

/** What is smaller is not told apart. */
export const FLOOR = 1e-6;

/**
 * A value of a curve between two of its points, on a logarithmic scale; at its ends that of the end.
 * @param {ArrayLike<number>} timesteps ascending
 * @param {ArrayLike<number>} values not negative
 * @param {number} t
 */
export function valueAt(timesteps, values, t) {
  const last = timesteps.length - 1;
  let i = 1;
  while (i < last && (timesteps[i] ?? 0) < t) i++;
  const [from, to] = [timesteps[i - 1] ?? 0, timesteps[i] ?? 0];
  const share = Math.min(1, Math.max(0, (t - from) / (to - from)));
  const [before, after] = [values[i - 1] ?? 0, values[i] ?? 0];
  if (share === 0 || share === 1) return share === 0 ? before : after;
  // Of what is zero no logarithm is taken.
  const log = (/** @type {number} */ value) => Math.log(Math.max(value, FLOOR ** 2));
  return Math.exp((1 - share) * log(before) + share * log(after));
}
