// An image in the model's size and colours, for models that do not know the page's digits: one that the visitor
// opens or drops, or one that the model draws.

import { asSentence, sentence } from "../basics/sentence.js";
import { h, setText } from "../screen/dom.js";
import { createButton } from "./button.js";
import { createOpenImage, groundOf, readImage, takeDrops } from "./open-image.js";
import { createTile } from "./tile.js";

/**
 * @param {object} options
 * @param {number[]} options.shape [1, channels, h, w]
 * @param {string} options.hint why one is wanted
 * @param {(number: number) => Promise<Float32Array | null>} options.draw an image of the model's own, by number; null if none comes any more
 * @param {() => void} options.leave called when what was drawn last is not waited for any more
 * @param {boolean} options.drawsAtOnce whether to begin with one
 * @param {() => void} options.onChange
 */
export function createImagePicker({ shape, hint, draw, leave, drawsAtOnce, onChange }) {
  const [, channels = 1, height = 1, width = 1] = shape;
  const tile = createTile({ empty: "No image is chosen yet" });
  const notice = h("p", { class: "notice", role: "status" });
  const canvas = h("canvas", { width, height });
  /** @type {Float32Array | null} */
  let x0 = null;
  let own = false;
  /** Counts requests, so that a late answer does not replace a newer one. */
  let wishes = 0;
  let drawings = 0;

  /**
   * @param {Float32Array} values
   * @param {boolean} isOwn whether it is the visitor's
   */
  const show = (values, isOwn) => {
    x0 = values;
    own = isOwn;
    setText(notice, "");
    const whose = own ? "Your image" : "An image that the model drew";
    tile.show(x0, shape, `${whose}, ${height} × ${width} pixels`);
    onChange();
  };
  /** @param {Blob} file */
  const take = async (file) => {
    const wish = ++wishes;
    leave();
    try {
      const bitmap = await readImage(file);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      if (context === null)
        throw new Error("This browser has no canvas, so the image cannot be read.");
      // The middle of the image, as large as it fits.
      const scale = Math.max(width / bitmap.width, height / bitmap.height);
      const [w, h] = [bitmap.width * scale, bitmap.height * scale];
      context.clearRect(0, 0, width, height);
      context.fillStyle = groundOf(bitmap) ?? "#fff";
      if (channels !== 4) context.fillRect(0, 0, width, height);
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
      bitmap.close();
      const { data } = context.getImageData(0, 0, width, height);
      if (wish === wishes) show(valuesOf(data, channels), true);
    } catch (error) {
      setText(notice, asSentence(sentence(error)));
    }
  };
  const drawAnother = async () => {
    const wish = ++wishes;
    leave();
    try {
      const drawn = await draw(drawings++);
      // Its figure may be gone by now.
      if (drawn !== null && wish === wishes && element.isConnected) show(drawn, false);
    } catch (error) {
      setText(notice, asSentence(sentence(error)));
    }
  };
  const drawer = createButton({ name: "Let the model draw one", onPress: drawAnother });
  const element = h(
    "div",
    { class: "digit-picker" },
    tile.element,
    h("div", {}, createOpenImage(take), drawer.element, h("p", { class: "hint" }, hint), notice),
  );
  takeDrops(element, take);
  if (drawsAtOnce) drawAnother();
  return {
    element,
    get x0() {
      return x0;
    },
    /** Whether it is the visitor's. */
    get own() {
      return own;
    },
  };
}

/**
 * Bytes of red, green, blue and opacity as x_0: in as many of them as the model has, or in grey in each of its channels.
 * @param {Uint8ClampedArray} data
 * @param {number} channels
 * @returns {Float32Array} [channels, h, w] from -1 to 1
 */
function valuesOf(data, channels) {
  const plane = data.length / 4;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const pixel = data.subarray(4 * i, 4 * i + 4);
    const [red = 0, green = 0, blue = 0] = pixel;
    // Brightness as the eye perceives it (ITU-R BT.601).
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    const coloured = channels === 3 || channels === 4;
    for (let channel = 0; channel < channels; channel++) {
      const value = coloured ? (pixel[channel] ?? 0) : grey;
      values[channel * plane + i] = value / 127.5 - 1;
    }
  }
  return values;
}
