// The points: where they are drawn, and from where they drift into noise.

import { createButton } from "../../parts/button.js";
import { createDrawable } from "../../parts/strokes.js";
import { h } from "../../screen/dom.js";
import { Brush } from "./paint.js";
import { REACH, nameable, thinned } from "./shapes.js";

/** @typedef {import("./shapes.js").Point} Point */

/** The pen moves over so many rows and columns with the arrow keys. */
const CELLS = 40;
/** Between two points of a quick stroke, points are put in at this distance. */
const FINE = 0.03;
const SIDE = 560;

/**
 * @param {object} options
 * @param {() => Point[]} options.drawn what is drawn already; [] where a ready shape is shown
 * @param {() => void} options.begin called when a stroke begins
 * @param {(points: Point[]) => void} options.onDraw while it is drawn
 * @param {() => void} options.end of a stroke
 * @param {() => void} options.clear
 */
export function createPad({ drawn, begin, onDraw, end, clear }) {
  /** @type {Point[]} */
  let points = [];
  /** @type {Point} */
  let last = [0, 0];
  /** @param {{ x: number, y: number }} point a share of the pad @returns {Point} */
  const pointAt = ({ x, y }) => nameable([(2 * x - 1) * REACH, (2 * y - 1) * REACH]);
  /** @param {Point[]} more */
  const add = (more) => {
    points = thinned([...points, ...more.map(nameable)]);
    onDraw(points);
  };
  const { canvas, screen, hint } = createDrawable({
    canvasSize: [SIDE, SIDE],
    grid: [CELLS, CELLS],
    tool: "pen",
    hint: "Draw a shape of your own here.",
    begin(point) {
      begin();
      points = drawn();
      last = pointAt(point);
      add([last]);
    },
    move(point) {
      const next = pointAt(point);
      const [dx, dy] = [next[0] - last[0], next[1] - last[1]];
      const count = Math.max(1, Math.ceil(Math.hypot(dx, dy) / FINE));
      const from = last;
      add(
        Array.from({ length: count }, (_, i) => {
          const share = (i + 1) / count;
          return /** @type {Point} */ ([from[0] + share * dx, from[1] + share * dy]);
        }),
      );
      last = next;
    },
    end,
  });
  const again = createButton({ name: "Clear", onPress: clear });
  canvas.setAttribute("aria-label", "The points, to draw on");
  const caption = h("span", {});
  return {
    element: h(
      "figure",
      { class: "drawing-pad plane-forward" },
      screen,
      h("figcaption", {}, h("span", {}, h("strong", {}, "Forward: "), caption)),
    ),
    hint,
    again: again.element,
    brush: new Brush(canvas),
    /** @param {string} text what is seen */
    set text(text) {
      canvas.setAttribute("aria-label", `${text} Draw here.`);
    },
    /** @param {string} text */
    set caption(text) {
      caption.textContent = text;
    },
  };
}
