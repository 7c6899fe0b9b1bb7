// Tensors as pixels.

/**
 * @typedef {object} Colours how numbers become colours
 * @property {number} [range] values from -range to +range take the whole scale; what is beyond is cut. 1 without it
 * @property {"grey" | "signed" | "heat"} [map] grey: black to white, three channels as red, green and blue. signed: blue, black, orange, for differences. heat: black to white through orange, from 0 to range
 */

/** Values of eps-hat beyond this are drawn black or white: it is near normal, and 3 is three deviations. */
export const EPS_RANGE = 3;

/** @typedef {(share: number) => [number, number, number]} ColourMap a share from -1 to 1 as red, green, blue */

/** @type {ColourMap} */
const signed = (share) => {
  const size = Math.min(1, Math.abs(share));
  return share >= 0 ? [255 * size, 150 * size, 75 * size] : [75 * size, 150 * size, 255 * size];
};

/** @type {ColourMap} */
const heat = (share) => {
  const size = Math.min(1, Math.max(0, share));
  return [510 * size, 340 * (size - 0.1), 560 * (size - 0.5)];
};

/**
 * The value furthest from 0 among a pixel's channels, with its sign: a colour map shows only one value.
 * @param {Float32Array} values
 * @param {number} first of the channels' values
 * @param {number} channels
 * @param {number} plane from one channel to the next
 */
function furthest(values, first, channels, plane) {
  let found = 0;
  for (let channel = 0; channel < channels; channel++) {
    const value = values[first + channel * plane] ?? 0;
    if (Math.abs(value) > Math.abs(found)) found = value;
  }
  return found;
}

/** @typedef {"colours" | number} FourView how images of four channels are shown: the first three as colours, as much as the fourth leaves of them; or one channel in grey, counted from 0 */

/** @type {FourView} */
let fourView = "colours";

/** What has been painted of four channels, to paint it again in another view. @type {Map<HTMLCanvasElement, () => void>} */
const paintedOfFour = new Map();

/**
 * Has a canvas painted again when images of four channels are shown in another way.
 * @param {HTMLCanvasElement} canvas
 * @param {number | undefined} channels of what it shows now
 * @param {() => void} again
 */
export function followFourView(canvas, channels, again) {
  if (channels === 4) paintedOfFour.set(canvas, again);
  else paintedOfFour.delete(canvas);
}

/**
 * Shows images of four channels in another way, from now on and wherever they are.
 * @param {FourView} view
 */
export function showFourAs(view) {
  fourView = view;
  for (const [canvas, again] of paintedOfFour) {
    if (canvas.isConnected) again();
    else paintedOfFour.delete(canvas);
  }
}

/** Pixels of a side of the checkerboard's squares, and the greys of two of them. */
const SQUARE = 4;
const SQUARES = /** @type {const} */ ([102, 153]);

/**
 * One pixel of the checkerboard behind what is not opaque.
 * @param {number} i of the pixel, row by row
 * @param {number} width
 * @param {number} [fine] how many times larger than the image it is drawn
 */
export const behind = (i, width, fine = 1) => {
  const [column, row] = [i % width, Math.floor(i / width)];
  const square = SQUARE * fine;
  return SQUARES[(Math.floor(column / square) + Math.floor(row / square)) % 2 === 0 ? 0 : 1];
};

/**
 * The pixels of one image: one channel in grey, three in colour, four as {@link showFourAs} says. Of any other
 * number, only the first is drawn, in grey.
 * @param {Float32Array} values [count, channels, h, w]
 * @param {number[]} shape
 * @param {Colours} [colours]
 * @param {number} [index] which of the count images
 * @returns {ImageData}
 */
export function pixels(values, [, channels = 1, height = 1, width = 1], colours = {}, index = 0) {
  const { range = 1, map = "grey" } = colours;
  const image = new ImageData(width, height);
  const { data } = image;
  const plane = width * height;
  const first = index * channels * plane;
  const colour = map === "signed" ? signed : heat;
  const veiled = channels === 4 && fourView === "colours";
  const coloured = channels === 3 || veiled;
  const grey = channels === 4 && fourView !== "colours" ? fourView : 0;
  for (let i = 0; i < plane; i++) {
    /** @param {number} channel */
    const share = (channel) => ((values[first + channel * plane + i] ?? 0) / range + 1) / 2;
    const alpha = veiled ? Math.min(1, Math.max(0, share(3))) : 1;
    for (let rgb = 0; rgb < 3; rgb++) {
      const value = 255 * share(coloured ? rgb : grey);
      // ImageData holds bytes clamped to 0..255, and rounds.
      data[4 * i + rgb] = veiled
        ? Math.min(255, Math.max(0, value)) * alpha + behind(i, width) * (1 - alpha)
        : value;
    }
    data[4 * i + 3] = 255;
    if (map !== "grey")
      data.set(colour(furthest(values, first + i, channels, plane) / range), 4 * i);
  }
  return image;
}

/**
 * The bytes that {@link pixels} shows a tensor's values as. Rounded once: a product in single precision first would
 * now and then fall on the other side of a half.
 * @param {Float32Array} values from -1 to 1; what is beyond is cut
 */
export function bytesOf(values) {
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = 255 * (((values[i] ?? 0) + 1) / 2);
  return bytes;
}

/** The values that bytes stand for, from -1 to 1. @param {Uint8ClampedArray} bytes */
export const valuesOf = (bytes) => Float32Array.from(bytes, (byte) => byte / 127.5 - 1);

/**
 * Draws one image of a tensor at its own size; style sheets enlarge it.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} values [count, channels, h, w]
 * @param {number[]} shape
 * @param {Colours} [colours]
 * @param {number} [index] which of the count images
 */
export function paint(canvas, values, shape, colours, index) {
  const image = pixels(values, shape, colours, index);
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  followFourView(canvas, shape[1], () => paint(canvas, values, shape, colours, index));
}
