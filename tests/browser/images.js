// Images as lists of values: cut out of a picture that shows many of them, and compared.

/**
 * The images of a grid, in reading order.
 * @param {number[]} pixels of the whole
 * @param {{ columns: number, rows: number, side?: number, gap?: number }} grid side of an image, and what
 *     lies between two, in pixels
 * @returns {number[][]}
 */
export function imagesOf(pixels, { columns, rows, side = 28, gap = 1 }) {
  const pitch = side + gap;
  const line = columns * pitch - gap;
  return Array.from({ length: columns * rows }, (_, cell) => {
    const corner = Math.floor(cell / columns) * pitch * line + (cell % columns) * pitch;
    return Array.from(
      { length: side * side },
      (_, i) => pixels[corner + Math.floor(i / side) * line + (i % side)] ?? NaN,
    );
  });
}

/** Bytes as the values they show, from -1 to 1. @param {number[]} pixels */
export const asValues = (pixels) => pixels.map((value) => value / 127.5 - 1);

/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of each pixel over images. @param {number[][]} images */
export const meanImage = (images) =>
  (images[0] ?? []).map((_, i) => mean(images.map((image) => image[i] ?? NaN)));

/** @param {number[]} one @param {number[]} other */
export const difference = (one, other) => one.map((value, i) => value - (other[i] ?? NaN));

/** The mean of the pixels' absolute differences. @param {number[]} one @param {number[]} other */
export const meanDifference = (one, other) => mean(difference(one, other).map(Math.abs));

/** The root of the pixels' mean squared difference. @param {number[]} one @param {number[]} other */
export const distance = (one, other) =>
  Math.sqrt(mean(difference(one, other).map((value) => value * value)));

/** Pearson's. @param {number[]} one @param {number[]} other */
export function correlation(one, other) {
  /** @param {number[]} values */
  const centred = (values) => {
    const middle = mean(values);
    return values.map((value) => value - middle);
  };
  const [a, b] = [centred(one), centred(other)];
  const product = mean(a.map((value, i) => value * (b[i] ?? NaN)));
  return product / Math.sqrt(mean(a.map((v) => v * v)) * mean(b.map((v) => v * v)));
}
