// An image of which a part is rubbed out: with mouse, pen or touch, with the arrow keys, or by a pattern.

import { freshId, h } from "../../dom.js";
import { pixels } from "../../paint.js";
import { createButton } from "../../parts/button.js";
import { listenToStrokes } from "../../parts/strokes.js";

/** The mask is made of squares so wide, which keeps it short in a link. */
const CELL = 2;
/** The rubber's radius in cells. */
const RUBBER = 1.3;

/**
 * @param {object} options
 * @param {[number, number]} options.imageSize height, width
 * @param {(value: string) => void} options.onChange after every stroke
 */
export function createMaskPainter({ imageSize: [height, width], onChange }) {
  const rows = Math.ceil(height / CELL);
  const columns = Math.ceil(width / CELL);
  const id = freshId("mask");
  const canvas = h("canvas", {
    role: "img",
    tabindex: 0,
    "aria-label": "The image, not there yet",
    "aria-describedby": `${id}-hint`,
    width,
    height,
  });
  const context = canvas.getContext("2d");
  /** 1: the cell is kept. @type {Uint8Array} */
  let kept = new Uint8Array(rows * columns);
  /** @type {{ x0: Float32Array, shape: number[], name: string } | null} */
  let image = null;
  /** The rubber of the keyboard, in cells. */
  const rubber = { row: Math.floor(rows / 2), column: Math.floor(columns / 2), down: false };

  /** @type {[string, (row: number, column: number) => boolean][]} what each pattern keeps */
  const patterns = [
    ["Right half", (_, column) => column < columns / 2],
    ["Lower half", (row) => row < rows / 2],
    [
      "Middle",
      (row, column) =>
        Math.abs(row - (rows - 1) / 2) > 3 || Math.abs(column - (columns - 1) / 2) > 3,
    ],
    ["All but the middle", (row) => Math.abs(row - (rows - 1) / 2) < 2.5],
    ["Nothing", () => true],
  ];
  /** @param {(row: number, column: number) => boolean} keeps */
  const follow = (keeps) => {
    kept = kept.map((_, i) => (keeps(Math.floor(i / columns), i % columns) ? 1 : 0));
  };
  const write = () => {
    let text = "";
    for (let i = 0; i < kept.length; i += 4) {
      const four = [0, 1, 2, 3].map((bit) => (kept[i + bit] ?? 0) << bit);
      text += four.reduce((sum, bit) => sum + bit, 0).toString(16);
    }
    return text;
  };

  const draw = () => {
    if (image === null || context === null) return;
    context.putImageData(pixels(image.x0, image.shape), 0, 0);
    const accent = getComputedStyle(canvas).getPropertyValue("--accent");
    kept.forEach((keep, i) => {
      if (keep === 1) return;
      // The picture dimmed, and tinted: rubbed out, but not forgotten.
      for (const [colour, alpha] of /** @type {const} */ ([
        ["#000", 0.5],
        [accent, 0.5],
      ])) {
        context.globalAlpha = alpha;
        context.fillStyle = colour;
        context.fillRect((i % columns) * CELL, Math.floor(i / columns) * CELL, CELL, CELL);
      }
    });
    context.globalAlpha = 1;
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.fillStyle = "#fff";
      context.fillRect(rubber.column * CELL, rubber.row * CELL, CELL, CELL);
    }
    const share = kept.reduce((sum, keep) => sum + 1 - keep, 0) / kept.length;
    canvas.setAttribute(
      "aria-label",
      `${image.name}, ${Math.round(100 * share)} % of it rubbed out`,
    );
  };
  const tell = () => {
    draw();
    onChange(write());
  };

  /** @param {number} row @param {number} column in cells, not whole @param {0 | 1} keep */
  const rub = (row, column, keep) => {
    kept.forEach((_, i) => {
      const away = Math.hypot(Math.floor(i / columns) + 0.5 - row, (i % columns) + 0.5 - column);
      if (away <= RUBBER) kept[i] = keep;
    });
    draw();
  };
  /** What the stroke under way does. @type {0 | 1} */
  let doing = 0;
  /** Rubs where the pointer is. @param {import("../../parts/strokes.js").Place} place */
  const rubAt = ({ x, y }) => rub(y * rows, x * columns, doing);
  const rubbed = () => {
    if (!rubber.down) {
      draw();
      return;
    }
    rub(rubber.row + 0.5, rubber.column + 0.5, 0);
    tell();
  };
  listenToStrokes(canvas, {
    begin(place) {
      const [row, column] = [Math.floor(place.y * rows), Math.floor(place.x * columns)];
      doing = kept[row * columns + column] === 1 ? 0 : 1;
      rubAt(place);
    },
    move: rubAt,
    end: tell,
    arrow(right, down) {
      rubber.row = Math.min(rows - 1, Math.max(0, rubber.row + down));
      rubber.column = Math.min(columns - 1, Math.max(0, rubber.column + right));
      rubbed();
    },
    toggle() {
      rubber.down = !rubber.down;
      rubbed();
    },
  });
  for (const change of ["focus", "blur"]) canvas.addEventListener(change, draw);

  const buttons = patterns.map(
    ([name, keeps]) =>
      createButton({
        name,
        onPress: () => {
          follow(keeps);
          tell();
        },
      }).element,
  );
  return {
    element: h(
      "div",
      { class: "mask-painter" },
      h("div", { class: "screen" }, canvas),
      h("div", { class: "row", role: "group", "aria-label": "Rub out" }, ...buttons),
      h(
        "p",
        { class: "hint", id: `${id}-hint` },
        "Rub out a part, or rub it back in. With the keyboard: arrows move the rubber, space lifts and lowers it.",
      ),
    ),
    /** @param {Float32Array} x0 [1, c, h, w] @param {number[]} shape @param {string} name */
    show(x0, shape, name) {
      image = { x0, shape, name };
      draw();
    },
    /** Takes a link's mask, hexadecimal digits; "" is the first pattern. @param {string} text @returns {boolean} whether it is one of this size */
    put(text) {
      const fits = text.length === Math.ceil(kept.length / 4);
      if (fits) kept = kept.map((_, i) => (parseInt(text[i >> 2] ?? "0", 16) >> (i & 3)) & 1);
      else follow(patterns[0]?.[1] ?? (() => true));
      draw();
      return fits || text === "";
    },
    /** 1 keeps the pixel, [h, w] */
    get mask() {
      return Float32Array.from(
        { length: height * width },
        (_, i) =>
          kept[
            Math.floor(Math.floor(i / width) / CELL) * columns + Math.floor((i % width) / CELL)
          ] ?? 1,
      );
    },
  };
}
