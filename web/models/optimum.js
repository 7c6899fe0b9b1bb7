// What optimum.json of a model folder says: how far the best possible answers for the model's training images are from the
// noise, and how far the network's are, over t, as `walkback optimum` computed it.

/**
 * @typedef {object} Optimum
 * @property {number} images that the model was trained on
 * @property {number} draws of an image and a noise, for each t
 * @property {boolean} knowsLabel whether both answers know the image's label
 * @property {number[]} timesteps ascending
 * @property {number[]} optimum the mean squared error of the best possible answer at each of them
 * @property {number[]} network that of the network, for the same images and noise
 */

/** @param {unknown} value @returns {value is number} */
const isCount = (value) => Number.isInteger(value) && Number(value) > 0;

/** @param {any} estimate @returns {number} NaN where it is none */
const meanOf = (estimate) =>
  Number.isFinite(estimate?.mean) && estimate.mean >= 0 ? estimate.mean : NaN;

/**
 * Reads optimum.json. It is for comparison: without it, or with one that is damaged, the model walks all the same.
 * @param {string | undefined} text
 * @returns {Optimum | null} null: nothing to compare with
 */
export function parseOptimum(text) {
  if (text === undefined) return null;
  try {
    const { images, draws, knows_label, curve } = JSON.parse(text);
    if (!isCount(images) || !isCount(draws) || typeof knows_label !== "boolean") return null;
    if (!Array.isArray(curve) || curve.length < 2) return null;
    const timesteps = curve.map(({ timestep }) => timestep);
    const ascend = timesteps.every(
      (t, i) => Number.isInteger(t) && t >= 0 && (i === 0 || t > timesteps[i - 1]),
    );
    const optimum = curve.map((at) => meanOf(at.optimum));
    const network = curve.map((at) => meanOf(at.network));
    if (!ascend || ![...optimum, ...network].every(Number.isFinite)) return null;
    return { images, draws, knowsLabel: knows_label, timesteps, optimum, network };
  } catch {
    return null;
  }
}
