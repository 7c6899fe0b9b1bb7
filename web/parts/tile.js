// One image: a canvas with a caption and a description in words.

import { h } from "../screen/dom.js";
import { paint } from "../screen/paint.js";
import { term } from "./term.js";

/**
 * @param {object} options
 * @param {import("./term.js").TermName} [options.term] the symbol before the caption
 * @param {string | Node} [options.caption]
 * @param {import("../screen/paint.js").Colours} [options.colours] range and colours; without it -1..1 from black to white
 * @param {string} options.empty what a screen reader hears before the first image
 */
export function createTile(options) {
  const canvas = h("canvas", { role: "img", "aria-label": options.empty, width: 28, height: 28 });
  const caption = h("span", {}, options.caption);
  const element = h(
    "figure",
    { class: "tile" },
    h("div", { class: "screen" }, canvas),
    options.caption === undefined && options.term === undefined
      ? null
      : h(
          "figcaption",
          {},
          options.term === undefined ? null : h("span", { class: "term" }, term(options.term)),
          caption,
        ),
  );
  element.dataset["empty"] = "";
  return {
    element,
    canvas,
    /**
     * @param {Float32Array} values [count, channels, h, w]
     * @param {number[]} shape
     * @param {string} text what is shown, and at which t
     * @param {number} [index] which of the count images
     */
    show(values, shape, text, index) {
      paint(canvas, values, shape, options.colours, index);
      delete element.dataset["empty"];
      canvas.setAttribute("aria-label", text);
    },
    /** Until the next image. */
    clear() {
      element.dataset["empty"] = "";
      canvas.setAttribute("aria-label", options.empty);
    },
    /** @param {string | Node} text */
    set caption(text) {
      caption.replaceChildren(text);
    },
  };
}
