// What one cell at the bottom of the U attends to: a row of the attention weights, over the picture.

import { createReadouts } from "../../parts/readouts.js";
import { createSlider } from "../../parts/slider.js";
import { markCell, pointOn } from "../../parts/pointing.js";
import { createTile } from "../../parts/tile.js";
import { h } from "../../screen/dom.js";

/** @typedef {NonNullable<import("../../protocol/messages.js").Look["attention"]>} Weights */

/**
 * @param {object} options
 * @param {number | null} options.value in reading order; null: where the picture is brightest
 * @param {(cell: number) => void} options.onChange
 */
export function createAttention({ value, onChange }) {
  let wanted = value;
  /** @type {{ weights: Weights, x: Float32Array, shape: number[], t: number } | null} */
  let seen = null;
  const picture = createTile({
    caption: "the place that asks: point at another",
    empty: "Not ready yet",
  });
  const heat = createTile({
    caption: "where it looks, brightest where most",
    colours: { map: "heat" },
    empty: "Not ready yet",
  });
  const mark = h("div", { class: "attention-mark", hidden: true });
  picture.canvas.after(mark);
  const slider = createSlider({
    label: "Place that asks",
    min: 0,
    max: 0,
    value: 0,
    format: (cell) => inWords(cell, seen?.weights.shape[1] ?? 1),
    onChange: (cell) => choose(cell),
  });
  const readouts = createReadouts({
    largest: "largest share",
    even: "if all were even",
    sum: "sum of all shares",
  });
  const element = h("div", { class: "attention" }, picture.element, heat.element, readouts.element);
  const none = h(
    "p",
    { class: "notice", hidden: true },
    "This network has no attention at the bottom.",
  );

  /** @param {number} cell */
  const choose = (cell) => {
    wanted = cell;
    onChange(cell);
    draw();
  };
  /** @param {PointerEvent} event */
  const point = (event) => {
    if (seen === null) return;
    const [rows, columns] = seen.weights.shape;
    const { x, y } = pointOn(picture.canvas, event);
    const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
    if (row < 0 || column < 0 || row >= rows || column >= columns) return;
    const cell = row * columns + column;
    if (cell !== slider.value) choose(cell);
  };
  picture.canvas.addEventListener("pointermove", point);
  picture.canvas.addEventListener("pointerdown", point);

  const draw = () => {
    if (seen === null) return;
    const { weights, x, shape, t } = seen;
    const [rows, columns] = weights.shape;
    const cells = rows * columns;
    const cell = Math.min(cells - 1, wanted ?? brightest(x, shape, weights.shape));
    slider.max = cells - 1;
    slider.value = cell;
    const row = rowOf(weights, cell);
    const largest = row.reduce((a, b) => Math.max(a, b), 0);
    const at = inWords(cell, columns);
    picture.show(x, shape, `The picture, with the place that asks marked: ${at}, at t = ${t}`);
    const most = inWords(row.indexOf(largest), columns);
    const text = `Where ${at} looks, at t = ${t}: most at ${most}`;
    heat.show(
      row.map((weight) => weight / largest),
      [1, 1, rows, columns],
      text,
    );
    mark.hidden = false;
    markCell(mark, picture.canvas, [rows, columns], [Math.floor(cell / columns), cell % columns]);
    readouts.show({
      largest: percent(largest),
      even: percent(1 / cells),
      sum: percent(row.reduce((sum, weight) => sum + weight, 0)),
    });
  };

  return {
    element: h("div", {}, element, none),
    /** The same place as a number, for who does not point. */
    slider: slider.element,
    /** @param {Weights | null} weights @param {Float32Array} x @param {number[]} shape @param {number} t */
    show(weights, x, shape, t) {
      element.hidden = weights === null;
      slider.element.hidden = weights === null;
      none.hidden = weights !== null;
      if (weights === null) return;
      seen = { weights, x, shape, t };
      draw();
    },
    /** @param {number | null} value */
    set value(value) {
      wanted = value;
      draw();
    },
  };
}

/** @param {number} cell in reading order @param {number} columns */
const inWords = (cell, columns) =>
  `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;

/** One query's weights, mean over the heads. @param {Weights} weights @param {number} cell */
function rowOf({ shape: [height, width], heads, weights }, cell) {
  const cells = height * width;
  const row = new Float32Array(cells);
  for (let head = 0; head < heads; head++) {
    const first = (head * cells + cell) * cells;
    for (let i = 0; i < cells; i++) row[i] = (row[i] ?? 0) + (weights[first + i] ?? 0) / heads;
  }
  return row;
}

/** The cell with the brightest part of the picture. @param {Float32Array} x @param {number[]} shape @param {[number, number]} cells */
function brightest(x, [, , height = 1, width = 1], [rows, columns]) {
  const sums = new Float32Array(rows * columns);
  for (let i = 0; i < height * width; i++) {
    const row = Math.floor((Math.floor(i / width) * rows) / height);
    const column = Math.floor(((i % width) * columns) / width);
    const cell = row * columns + column;
    sums[cell] = (sums[cell] ?? 0) + (x[i] ?? 0);
  }
  return sums.indexOf(sums.reduce((a, b) => Math.max(a, b), -Infinity));
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)} %`;
