// A matrix as colours, blue to orange for -1..1, one column of it marked.

import { h } from "../screen/dom.js";
import { paint } from "../screen/paint.js";

/**
 * @param {object} options
 * @param {string} options.empty what a screen reader hears before there is anything
 */
export function createHeatMap({ empty }) {
  const canvas = h("canvas", { role: "img", "aria-label": empty, width: 1, height: 1 });
  const mark = h("div", { class: "heat-mark", hidden: true });
  const element = h("div", { class: "heat-map" }, canvas, mark);
  let columns = 1;
  return {
    element,
    canvas,
    /**
     * @param {Float32Array} values [rows, columns]
     * @param {[number, number]} shape rows, columns
     * @param {string} text
     */
    show(values, shape, text) {
      [, columns] = shape;
      paint(canvas, values, [1, 1, ...shape], { map: "signed" });
      canvas.setAttribute("aria-label", text);
    },
    /** @param {number} column */
    markColumn(column) {
      mark.hidden = false;
      // Through the DOM, which the page's content security policy allows.
      mark.style.inset = `-0.25rem auto -0.25rem ${(100 * column) / columns}%`;
      mark.style.width = `${100 / columns}%`;
    },
  };
}
