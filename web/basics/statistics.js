// Means, standard deviations and distances of images.

/**
 * Mean and standard deviation of each pixel over some images of one size.
 * @param {Float32Array} images [count, size]
 * @param {number} count
 * @returns {{ mean: Float32Array, deviation: Float32Array }} [size] each
 */
export function pixelwise(images, count) {
  const size = images.length / count;
  const mean = new Float32Array(size);
  const deviation = new Float32Array(size);
  for (let p = 0; p < size; p++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += images[i * size + p] ?? 0;
    const centre = sum / count;
    let squares = 0;
    for (let i = 0; i < count; i++) squares += ((images[i * size + p] ?? 0) - centre) ** 2;
    mean[p] = centre;
    deviation[p] = Math.sqrt(squares / count);
  }
  return { mean, deviation };
}

/** @param {ArrayLike<number>} values */
export function meanSquare(values) {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] ?? 0) ** 2;
  return squares / values.length;
}

/** @param {ArrayLike<number>} values */
export const rootMeanSquare = (values) => Math.sqrt(meanSquare(values));

/**
 * One image less another.
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
export const difference = (one, other) => one.map((value, i) => value - (other[i] ?? 0));

/**
 * How far two images lie apart: the root of the mean squared difference of their pixels.
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
export const distance = (one, other) => rootMeanSquare(difference(one, other));

/**
 * Pearson's correlation of two images: 1 is the same up to brightness and contrast.
 * @param {ArrayLike<number>} one
 * @param {ArrayLike<number>} other
 */
export function correlation(one, other) {
  const n = one.length;
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [one[i] ?? 0, other[i] ?? 0];
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const spread = Math.sqrt((aa - (a * a) / n) * (bb - (b * b) / n));
  return spread > 0 ? (ab - (a * b) / n) / spread : 0;
}

/**
 * The same image several times: as many images, or a grey one as the channels of one in colour.
 * @param {Float32Array} image
 * @param {number} count
 */
export function repeat(image, count) {
  const images = new Float32Array(image.length * count);
  for (let i = 0; i < count; i++) images.set(image, i * image.length);
  return images;
}
