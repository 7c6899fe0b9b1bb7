// Many images in one canvas, a gap of one pixel between them.

import { h } from "../screen/dom.js";
import { pixels } from "../screen/paint.js";

const GAP = 1;

/**
 * @param {object} options
 * @param {number} options.columns
 * @param {number} options.rows
 * @param {[number, number]} options.imageSize height, width
 * @param {import("../screen/paint.js").Look} [options.look]
 * @param {string} options.empty what a screen reader hears before the first image
 */
export function createImageGrid({ columns, rows, imageSize: [height, width], look, empty }) {
  const canvas = h("canvas", {
    role: "img",
    "aria-label": empty,
    width: columns * (width + GAP) - GAP,
    height: rows * (height + GAP) - GAP,
  });
  const context = canvas.getContext("2d");
  return {
    element: h("div", { class: "image-grid" }, canvas),
    canvas,
    /**
     * Draws a batch of images from place `first` on, in reading order.
     * @param {Float32Array} values [count, channels, h, w]
     * @param {number[]} shape
     * @param {string} text what the whole grid shows now
     * @param {number} [first]
     */
    show(values, shape, text, first = 0) {
      const [count = 0] = shape;
      for (let i = 0; i < count; i++) {
        const place = first + i;
        const x = (place % columns) * (width + GAP);
        const y = Math.floor(place / columns) * (height + GAP);
        context?.putImageData(pixels(values, shape, look, i), x, y);
      }
      canvas.setAttribute("aria-label", text);
    },
    clear() {
      context?.clearRect(0, 0, canvas.width, canvas.height);
      canvas.setAttribute("aria-label", empty);
    },
  };
}
