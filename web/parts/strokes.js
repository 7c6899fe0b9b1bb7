// A canvas to draw on: with mouse, pen or touch, and with the arrow keys, which move a tool that is shown and announced.

import { freshId, h, setText } from "../screen/dom.js";
import { markCell, pointOn } from "./pointing.js";

/** @typedef {import("./pointing.js").Point} Point */

/** @type {Record<string, [number, number]>} */
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {object} options
 * @param {[number, number]} options.canvasSize height, width
 * @param {[number, number]} options.grid the rows and columns over which the arrow keys move the tool
 * @param {string} options.tool its name; the space key lifts and lowers it
 * @param {string} options.hint a line below, followed by the keys
 * @param {(point: Point) => void} options.begin of a stroke
 * @param {(point: Point) => void} options.move during a stroke
 * @param {() => void} options.end of a stroke, and of each of its steps by key
 */
export function createDrawable(options) {
  const { canvasSize, grid, tool, hint, begin, move, end } = options;
  const [rows, columns] = grid;
  const id = freshId("drawable");
  // Users of a screen reader draw too: the keys go to the canvas, not to the screen reader.
  const canvas = h("canvas", {
    role: "application",
    tabindex: 0,
    "aria-describedby": `${id}-hint ${id}-where`,
    height: canvasSize[0],
    width: canvasSize[1],
  });
  const mark = h("div", { class: "tool" });
  const where = h("span", { class: "unseen", role: "status", id: `${id}-where` });
  const keys = `With the keyboard, arrow keys move the ${tool}; space lifts and lowers it.`;

  let [row, column] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  let down = false;
  const here = () => ({ x: (column + 0.5) / columns, y: (row + 0.5) / rows });
  const show = () => {
    markCell(mark, canvas, grid, [row, column]);
    mark.toggleAttribute("data-down", down);
    const pen = `The ${tool} is ${down ? "down" : "up"}`;
    setText(where, `${pen}, row ${row + 1} of ${rows}, column ${column + 1} of ${columns}`);
  };
  show();

  let drawing = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    down = false;
    show();
    begin(pointOn(canvas, event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) move(pointOn(canvas, part));
  });
  for (const over of /** @type {const} */ (["pointerup", "pointercancel"])) {
    canvas.addEventListener(over, () => {
      if (!drawing) return;
      drawing = false;
      end();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    const step = arrows[event.key];
    if (event.key !== " " && step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (step !== undefined) {
      column = Math.min(columns - 1, Math.max(0, column + step[0]));
      row = Math.min(rows - 1, Math.max(0, row + step[1]));
      if (down) move(here());
    } else if (event.repeat) {
      return;
    } else {
      down = !down;
      if (down) begin(here());
    }
    show();
    if (down) end();
  });

  return {
    canvas,
    screen: h("div", { class: "screen" }, canvas, mark, where),
    hint: h("p", { class: "hint", id: `${id}-hint` }, `${hint} ${keys}`),
  };
}
