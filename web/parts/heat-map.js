// A matrix as colours, one row or column of it marked.

import { h } from "../dom.js";
import { paint } from "../paint.js";

/**
 * @param {object} options
 * @param {string} options.empty what a screen reader hears before there is anything
 * @param {import("../paint.js").Look} [options.look] without it blue to orange for -1..1
 */
export function createHeatMap({ empty, look = { map: "signed" } }) {
  const canvas = h("canvas", { role: "img", "aria-label": empty, width: 1, height: 1 });
  const mark = h("div", { class: "heat-mark", hidden: true });
  const element = h("div", { class: "heat-map" }, canvas, mark);
  let rows = 1;
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
      [rows, columns] = shape;
      paint(canvas, values, [1, 1, ...shape], look);
      canvas.setAttribute("aria-label", text);
    },
    /** @param {number | null} row */
    mark(row) {
      mark.hidden = row === null;
      if (row === null) return;
      // Through the DOM, which the page's content security policy allows.
      mark.style.inset = `${(100 * row) / rows}% -0.25rem auto`;
      mark.style.width = "auto";
      mark.style.height = `${100 / rows}%`;
    },
    /** @param {number | null} column */
    markColumn(column) {
      mark.hidden = column === null;
      if (column === null) return;
      mark.style.inset = `-0.25rem auto -0.25rem ${(100 * column) / columns}%`;
      mark.style.width = `${100 / columns}%`;
      mark.style.height = "auto";
    },
  };
}
