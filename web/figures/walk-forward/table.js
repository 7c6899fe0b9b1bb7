// The numbers of both ways, under each other.

import { h, setText } from "../../screen/dom.js";
import { WALKS } from "./walkers.js";

export function createTable() {
  /** @param {string} name @param {string} note */
  const row = (name, note) => {
    const cells = [h("td", {}, "–"), h("td", {}, "–"), h("td", {}, "–")];
    const head = h("th", { scope: "row" }, name, h("small", {}, note));
    return { element: h("tr", {}, head, ...cells), cells };
  };
  const rows = {
    atOnce: row("All at once", "exact"),
    walks: row("Step by step", `measured over ${WALKS} walks`),
  };
  const heads = ["", "t", "factor of the image", "variance of the noise"];
  return {
    element: h(
      "table",
      { class: "forward-table" },
      h("thead", {}, h("tr", {}, ...heads.map((text) => h(text === "" ? "td" : "th", {}, text)))),
      h("tbody", {}, rows.atOnce.element, rows.walks.element),
    ),
    /** @param {"atOnce" | "walks"} which @param {number} t @param {number} share @param {number} variance */
    show(which, t, share, variance) {
      const texts = [t < 0 ? "image" : String(t), share.toFixed(3), variance.toFixed(3)];
      rows[which].cells.forEach((cell, i) => setText(cell, texts[i] ?? ""));
    },
  };
}
