// What one place at the bottom of the U attends to: a row of the attention weights, over the picture.

import { h } from "../../screen/dom.js";
import { createReadouts } from "../../parts/readouts.js";
import { createSlider } from "../../parts/slider.js";
import { placeOn } from "../../parts/strokes.js";
import { createTile } from "../../parts/tile.js";

/** @typedef {NonNullable<import("../../protocol/messages.js").Look["attention"]>} Weights */

/**
 * @param {object} options
 * @param {number | null} options.place in reading order; null: where the picture is brightest
 * @param {(place: number) => void} options.onChoose
 */
export function createAttention({ place, onChoose }) {
  let wanted = place;
  /** @type {{ weights: Weights, x: Float32Array, shape: number[], t: number } | null} */
  let seen = null;
  const picture = createTile({
    caption: "the place that asks: point at another",
    empty: "Not there yet",
  });
  const heat = createTile({
    caption: "where it looks, brightest where most",
    look: { map: "heat" },
    empty: "Not there yet",
  });
  const mark = h("div", { class: "attention-mark", hidden: true });
  picture.canvas.after(mark);
  const slider = createSlider({
    label: "Place that asks",
    min: 0,
    max: 0,
    value: 0,
    format: (place) => inWords(place, seen?.weights.shape[1] ?? 1),
    onInput: (place) => choose(place),
  });
  const readouts = createReadouts({
    largest: "largest share",
    even: "if all were even",
    sum: "sum of all shares",
  });
  const element = h(
    "div",
    { class: "attention" },
    picture.element,
    heat.element,
    h("div", { class: "stack" }, slider.element, readouts.element),
  );
  const none = h(
    "p",
    { class: "notice", hidden: true },
    "This network has no attention at the bottom.",
  );

  /** @param {number} place */
  const choose = (place) => {
    wanted = place;
    onChoose(place);
    draw();
  };
  /** @param {PointerEvent} event */
  const point = (event) => {
    if (seen === null) return;
    const [rows, columns] = seen.weights.shape;
    const { x, y } = placeOn(picture.canvas, event);
    const [row, column] = [Math.floor(y * rows), Math.floor(x * columns)];
    if (row < 0 || column < 0 || row >= rows || column >= columns) return;
    const place = row * columns + column;
    if (place !== slider.value) choose(place);
  };
  picture.canvas.addEventListener("pointermove", point);
  picture.canvas.addEventListener("pointerdown", point);

  const draw = () => {
    if (seen === null) return;
    const { weights, x, shape, t } = seen;
    const [rows, columns] = weights.shape;
    const places = rows * columns;
    const place = Math.min(places - 1, wanted ?? brightest(x, shape, weights.shape));
    slider.max = places - 1;
    slider.value = place;
    const row = rowOf(weights, place);
    const largest = row.reduce((a, b) => Math.max(a, b), 0);
    const at = inWords(place, columns);
    picture.show(x, shape, `The picture, with the place that asks marked: ${at}, at t = ${t}`);
    const most = inWords(row.indexOf(largest), columns);
    const text = `Where ${at} looks, at t = ${t}: most at ${most}`;
    heat.show(
      row.map((weight) => weight / largest),
      [1, 1, rows, columns],
      text,
    );
    mark.hidden = false;
    mark.style.inset = `${(100 * Math.floor(place / columns)) / rows}% auto auto ${(100 * (place % columns)) / columns}%`;
    mark.style.width = `${100 / columns}%`;
    mark.style.height = `${100 / rows}%`;
    readouts.show({
      largest: percent(largest),
      even: percent(1 / places),
      sum: percent(row.reduce((sum, weight) => sum + weight, 0)),
    });
  };

  return {
    element: h("div", {}, element, none),
    /** @param {Weights | null} weights @param {Float32Array} x @param {number[]} shape @param {number} t */
    show(weights, x, shape, t) {
      element.hidden = weights === null;
      none.hidden = weights !== null;
      if (weights === null) return;
      seen = { weights, x, shape, t };
      draw();
    },
    /** @param {number | null} value */
    set place(value) {
      wanted = value;
      draw();
    },
  };
}

/** @param {number} place in reading order @param {number} columns */
const inWords = (place, columns) =>
  `row ${Math.floor(place / columns) + 1}, column ${(place % columns) + 1}`;

/** One query's weights, mean over the heads. @param {Weights} weights @param {number} place */
function rowOf({ shape: [height, width], heads, weights }, place) {
  const places = height * width;
  const row = new Float32Array(places);
  for (let head = 0; head < heads; head++) {
    const first = (head * places + place) * places;
    for (let i = 0; i < places; i++) row[i] = (row[i] ?? 0) + (weights[first + i] ?? 0) / heads;
  }
  return row;
}

/** The place with the brightest part of the picture. @param {Float32Array} x @param {number[]} shape @param {[number, number]} places */
function brightest(x, [, , height = 1, width = 1], [rows, columns]) {
  const sums = new Float32Array(rows * columns);
  for (let i = 0; i < height * width; i++) {
    const row = Math.floor((Math.floor(i / width) * rows) / height);
    const column = Math.floor(((i % width) * columns) / width);
    const place = row * columns + column;
    sums[place] = (sums[place] ?? 0) + (x[i] ?? 0);
  }
  return sums.indexOf(sums.reduce((a, b) => Math.max(a, b), -Infinity));
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)} %`;
