// Something below a line that says what it is.

import { h } from "../screen/dom.js";

/** @param {string | Node | (string | Node)[]} title a list is set with gaps, as a symbol beside its name is @param {...Node} content */
export function titled(title, ...content) {
  return h("div", {}, h("p", { class: "plot-title" }, ...[title].flat()), ...content);
}
