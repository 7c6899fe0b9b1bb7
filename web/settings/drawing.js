// A drawing as text, so that a link carries it: a byte for every pixel, runs of empty ones in two bytes, in base64url.

/** The longest text that goes into a link; a picture of 128 by 128 pixels fits in any case. */
export const MAX_DRAWING = 2 ** 15;

/** @param {Uint8ClampedArray} pixels from 0 (nothing) to 255 (ink) @returns {string} never empty */
export function writeDrawing(pixels) {
  /** @type {number[]} */
  const bytes = [];
  for (let i = 0; i < pixels.length;) {
    const value = pixels[i] ?? 0;
    let run = 1;
    if (value === 0) while (run < 255 && pixels[i + run] === 0) run += 1;
    bytes.push(...(value === 0 ? [0, run] : [value]));
    i += run;
  }
  const binary = bytes.map((byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * @param {string} text
 * @param {number} size pixels of the image
 * @returns {Uint8ClampedArray<ArrayBuffer> | null} null where the text is no drawing of this size
 */
export function readDrawing(text, size) {
  let binary;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const pixels = new Uint8ClampedArray(size);
  let filled = 0;
  for (let i = 0; i < binary.length; i++) {
    const value = binary.charCodeAt(i);
    // Empty pixels are 0 already.
    if (value === 0) filled += binary.charCodeAt(++i);
    else pixels[filled++] = value;
  }
  return filled === size ? pixels : null;
}
