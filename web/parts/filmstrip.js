// A few images in a row, each with a line below: a walk at some of its times.

import { h, setText } from "../screen/dom.js";
import { paint } from "../screen/paint.js";

/**
 * @param {object} options
 * @param {string} options.label what the row shows
 * @param {number} options.frames how many
 */
export function createFilmstrip({ label, frames }) {
  const slots = Array.from({ length: frames }, () => {
    const canvas = h("canvas", {
      role: "img",
      "aria-label": "not ready yet",
      width: 28,
      height: 28,
    });
    const caption = h("figcaption");
    return { canvas, caption, figure: h("figure", { "data-empty": true }, canvas, caption) };
  });
  const element = h(
    "ol",
    { class: "filmstrip", "aria-label": label },
    ...slots.map(({ figure }) => h("li", {}, figure)),
  );
  return {
    element,
    /**
     * @param {number} slot
     * @param {Float32Array} values
     * @param {number[]} shape
     * @param {string} caption the line below
     * @param {string} text what is shown, for screen readers
     */
    put(slot, values, shape, caption, text) {
      const view = slots[slot];
      if (view === undefined) return;
      paint(view.canvas, values, shape);
      delete view.figure.dataset["empty"];
      setText(view.caption, caption);
      view.canvas.setAttribute("aria-label", text);
    },
  };
}
