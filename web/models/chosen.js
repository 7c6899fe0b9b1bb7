// What the visitor says of a model that its files leave open.

/**
 * @typedef {object} Chosen
 * @property {"averaged" | "trained"} [weights] which of two sets; without it the averaged ones
 * @property {[number, number]} [size] height and width of the images
 * @property {string} [labels] labels.json: class names, and the label that stands for none
 */

/** What is said of a model with both, and which of them is taken. */
export const EMA_TAKEN = "Using the averaged weights in unet_ema/, not those in unet/.";
export const EMA_LEFT = "Using the weights in unet/, not the averaged ones in unet_ema/.";

/** What is said of a model that does not say how large its images are; the page asks, where it reads this. */
export const NO_SIZE =
  "This model does not say how large its images are: unet/config.json has no sample_size.";

/**
 * The configuration of a U-Net with its size, the visitor's where that is given.
 * @param {string} config unet/config.json
 * @param {[number, number] | undefined} size
 * @returns {string}
 * @throws {Error} NO_SIZE
 */
export function withSize(config, size) {
  /** @type {unknown} */
  let keys;
  try {
    keys = JSON.parse(config.replace(/^\ufeff/, ""));
  } catch {
    // Whoever reads it says what is wrong with it.
    return config;
  }
  if (typeof keys !== "object" || keys === null || Array.isArray(keys)) return config;
  if (size !== undefined) return JSON.stringify({ ...keys, sample_size: size });
  const { sample_size: own = null } = /** @type {{ sample_size?: unknown }} */ (keys);
  if (own === null) throw new Error(NO_SIZE);
  return config;
}
