// Pictures of any kind, as the network will see them: in its size and colours.

import { groundOf, readImage } from "../../parts/open-image.js";
import { h } from "../../screen/dom.js";

/**
 * A file as an example: all of the picture, as large as it fits; what it does not cover is as its upper left corner is, and
 * what shines through is as paper is, or its opposite.
 * @param {Blob} file an animation gives its first frame
 * @param {number[]} shape [channels, h, w]
 * @returns {Promise<Float32Array>} from -1 to 1; fails with a sentence
 */
export async function exampleFrom(file, [channels = 1, height = 1, width = 1]) {
  const bitmap = await readImage(file);
  const context = h("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser has no canvas, so the image cannot be read.");
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [w, tall] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  const ground = channels === 4 ? null : groundOf(bitmap);
  if (ground === null) context.drawImage(bitmap, 0, 0, 1, 1, 0, 0, width, height);
  else {
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
  }
  context.drawImage(bitmap, (width - w) / 2, (height - tall) / 2, w, tall);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const plane = height * width;
  const values = new Float32Array(channels * plane);
  let sum = 0;
  for (let i = 0; i < plane; i++) {
    const [red = 0, green = 0, blue = 0, alpha = 255] = data.subarray(4 * i, 4 * i + 4);
    // What the eye finds as bright (ITU-R BT.601).
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    sum += grey;
    const all = channels === 1 ? [grey] : [red, green, blue, alpha];
    for (let channel = 0; channel < channels; channel++) {
      values[channel * plane + i] = (all[channel] ?? 255) / 127.5 - 1;
    }
  }
  // Ink on paper, where a network of grey images has light on dark.
  const isPaper = channels === 1 && sum / plane > 127.5;
  return isPaper ? values.map((value) => -value) : values;
}
