// Many images in one canvas, a gap of one pixel between them.

import { h } from "../screen/dom.js";
import { followFourView, pixels } from "../screen/paint.js";

const GAP = 1;

/**
 * @param {object} options
 * @param {number} options.columns
 * @param {number} options.rows
 * @param {[number, number]} options.imageSize height, width
 * @param {import("../screen/paint.js").Colours} [options.colours]
 * @param {string} options.empty what a screen reader hears before the first image
 */
export function createImageGrid({ columns, rows, imageSize: [height, width], colours, empty }) {
  const canvas = h("canvas", {
    role: "img",
    "aria-label": empty,
    width: columns * (width + GAP) - GAP,
    height: rows * (height + GAP) - GAP,
  });
  const context = canvas.getContext("2d");
  /** How each cell of four channels is drawn again in another view. @type {Map<number, () => void>} */
  const cells = new Map();
  const drawAgain = () => {
    for (const draw of cells.values()) draw();
  };
  const element = h("div", { class: "image-grid", "data-empty": true }, canvas);
  return {
    element,
    canvas,
    /**
     * Draws a batch of images from cell `first` on, in reading order.
     * @param {Float32Array} values [count, channels, h, w]
     * @param {number[]} shape
     * @param {string} text what the whole grid shows now
     * @param {number} [first]
     */
    show(values, shape, text, first = 0) {
      const [count = 0] = shape;
      for (let i = 0; i < count; i++) {
        const cell = first + i;
        const x = (cell % columns) * (width + GAP);
        const y = Math.floor(cell / columns) * (height + GAP);
        const draw = () => context?.putImageData(pixels(values, shape, colours, i), x, y);
        if (shape[1] === 4) cells.set(cell, draw);
        draw();
      }
      followFourView(canvas, shape[1], drawAgain);
      delete element.dataset["empty"];
      canvas.setAttribute("aria-label", text);
    },
    clear() {
      cells.clear();
      context?.clearRect(0, 0, canvas.width, canvas.height);
      element.dataset["empty"] = "";
      canvas.setAttribute("aria-label", empty);
    },
  };
}
