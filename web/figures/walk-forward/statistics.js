// What is counted in pixels to be shown: histograms, and how much of an image is left in another.

import { meanSquare } from "../../basics/statistics.js";

const BINS = 48;
const REACH = 6;
const WIDTH = (2 * REACH) / BINS;

/** The middle of each bar of a histogram. */
export const centres = Float64Array.from({ length: BINS }, (_, i) => (i + 0.5) * WIDTH - REACH);

/** @param {Float32Array} values @returns {Float64Array} the share of the values in each bar */
export function histogram(values) {
  const shares = new Float64Array(BINS);
  for (const value of values) {
    const bin = Math.floor((value + REACH) / WIDTH);
    if (bin >= 0 && bin < BINS) shares[bin] = (shares[bin] ?? 0) + 1 / values.length;
  }
  return shares;
}

/** The share of a standard normal in each bar, by the density in its middle. */
export const normal = centres.map((z) => (WIDTH * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI));

/** The least-squares share of `image` in `values`. @param {Float32Array} values @param {Float32Array} image */
export function shareOf(values, image) {
  let both = 0;
  let square = 0;
  image.forEach((value, i) => {
    both += value * (values[i] ?? 0);
    square += value * value;
  });
  return both / square;
}

/** The unbiased variance over `count` walks, mean over the pixels. @param {Float32Array} deviation @param {number} count */
export function varianceOf(deviation, count) {
  return (meanSquare(deviation) * count) / (count - 1);
}

/** The share of the values from -reach to reach. @param {Float64Array} shares of a histogram @param {number} reach */
export function within(shares, reach) {
  return shares.reduce((sum, share, i) => sum + (Math.abs(centres[i] ?? 0) < reach ? share : 0), 0);
}
