// An image of the visitor's own in the model's size and colours, chosen or dropped, where the page's digits
// are nothing that the model knows.

import { h, setText } from "../dom.js";
import { asSentence, sentence } from "../sentence.js";
import { createOpenImage, readImage } from "./open-image.js";
import { createTile } from "./tile.js";

/**
 * @param {object} options
 * @param {number[]} options.shape [1, channels, h, w]; 1 channel or 3
 * @param {string} options.hint why one is wanted
 * @param {() => void} options.onChange
 */
export function createImagePicker({ shape, hint, onChange }) {
  const [, channels = 1, height = 1, width = 1] = shape;
  const tile = createTile({ empty: "No image is chosen yet" });
  const notice = h("p", { class: "notice", role: "status" });
  const canvas = h("canvas", { width, height });
  /** @type {Float32Array | null} */
  let x0 = null;

  /** @param {Blob} file */
  const take = async (file) => {
    try {
      const bitmap = await readImage(file);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      if (context === null) throw new Error("This browser gives no canvas to read the image with.");
      // The middle of the image, as large as it fits.
      const scale = Math.max(width / bitmap.width, height / bitmap.height);
      const [w, h] = [bitmap.width * scale, bitmap.height * scale];
      context.fillStyle = "#fff";
      context.fillRect(0, 0, width, height);
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
      bitmap.close();
      x0 = valuesOf(context.getImageData(0, 0, width, height).data, channels);
      setText(notice, "");
      tile.show(x0, shape, `Your image, ${height} × ${width} pixels`);
      onChange();
    } catch (error) {
      setText(notice, asSentence(sentence(error)));
    }
  };
  const element = h(
    "div",
    { class: "digit-picker" },
    tile.element,
    h("div", {}, createOpenImage(take), h("p", { class: "hint" }, hint), notice),
  );
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    const [dropped] = event.dataTransfer?.files ?? [];
    // What is no image may be a model, which the page takes.
    if (dropped === undefined || !dropped.type.startsWith("image/")) return;
    event.preventDefault();
    take(dropped);
  });
  return {
    element,
    get x0() {
      return x0;
    },
  };
}

/**
 * Bytes of red, green, blue and opacity as x_0.
 * @param {Uint8ClampedArray} data
 * @param {number} channels 1 or 3
 * @returns {Float32Array} [channels, h, w] from -1 to 1
 */
function valuesOf(data, channels) {
  const plane = data.length / 4;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const [red = 0, green = 0, blue = 0] = data.subarray(4 * i, 4 * i + 3);
    // What the eye finds as bright (ITU-R BT.601).
    const rgb = channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
    rgb.forEach((value, channel) => (values[channel * plane + i] = value / 127.5 - 1));
  }
  return values;
}
