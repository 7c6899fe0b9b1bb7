// An image of which a part is erased: with mouse, pen or touch, with the arrow keys, or by a pattern.

import { createButton } from "../../parts/button.js";
import { createDrawable } from "../../parts/strokes.js";
import { h } from "../../screen/dom.js";
import { followFourView, pixels } from "../../screen/paint.js";

/** The width of the squares of the mask: at most 32 x 32 of them keep it short in a link. @param {number} side of the image */
const cellFor = (side) => 2 * Math.ceil(side / 64);
/** The rubber's radius in cells. */
const RUBBER = 1.3;

/**
 * @param {object} options
 * @param {[number, number]} options.imageSize height, width
 * @param {(value: string) => void} options.onChange after every stroke
 */
export function createMaskPainter({ imageSize: [height, width], onChange }) {
  const cell = cellFor(Math.max(height, width));
  const rows = Math.ceil(height / cell);
  const columns = Math.ceil(width / cell);
  /** What the current stroke does. @type {0 | 1} */
  let doing = 0;
  /** Rubs at a point. @param {import("../../parts/strokes.js").Point} point */
  const rubAt = (point) => rub(...inCells(point), doing);
  /** The last cells may reach beyond the image. @param {import("../../parts/strokes.js").Point} point @returns {[number, number]} row and column, not whole */
  const inCells = ({ x, y }) => [(y * height) / cell, (x * width) / cell];
  const { canvas, screen, hint } = createDrawable({
    canvasSize: [height, width],
    grid: [rows, columns],
    tool: "rubber",
    hint: "Erase a part, or restore it.",
    begin(point) {
      const [row = 0, column = 0] = inCells(point).map(Math.floor);
      doing = kept[row * columns + column] === 0 ? 1 : 0;
      rubAt(point);
    },
    move: rubAt,
    end: () => emit(),
  });
  canvas.setAttribute("aria-label", "The image, not ready yet");
  const context = canvas.getContext("2d");
  /** 1: the cell is kept. @type {Uint8Array} */
  let kept = new Uint8Array(rows * columns);
  /** @type {{ x0: Float32Array, shape: number[], name: string } | null} */
  let image = null;

  /** @type {[string, (row: number, column: number) => boolean][]} what each pattern keeps */
  const patterns = [
    ["Right half", (_, column) => column < columns / 2],
    ["Lower half", (row) => row < rows / 2],
    [
      "Middle",
      (row, column) =>
        Math.abs(row - (rows - 1) / 2) > (3 * rows) / 14 ||
        Math.abs(column - (columns - 1) / 2) > (3 * columns) / 14,
    ],
    ["All except the middle", (row) => Math.abs(row - (rows - 1) / 2) < (2.5 * rows) / 14],
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
    followFourView(canvas, image.shape[1], draw);
    const accent = getComputedStyle(canvas).getPropertyValue("--accent");
    kept.forEach((keep, i) => {
      if (keep === 1) return;
      // The erased part is dimmed and tinted, so that the picture can still be seen.
      for (const [colour, alpha] of /** @type {const} */ ([
        ["#000", 0.5],
        [accent, 0.5],
      ])) {
        context.globalAlpha = alpha;
        context.fillStyle = colour;
        context.fillRect((i % columns) * cell, Math.floor(i / columns) * cell, cell, cell);
      }
    });
    context.globalAlpha = 1;
    const share = kept.reduce((sum, keep) => sum + 1 - keep, 0) / kept.length;
    canvas.setAttribute("aria-label", `${image.name}, ${Math.round(100 * share)} % of it erased`);
  };
  const emit = () => {
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
  const buttons = patterns.map(
    ([name, keeps]) =>
      createButton({
        name,
        onPress: () => {
          follow(keeps);
          emit();
        },
      }).element,
  );
  return {
    element: h(
      "div",
      { class: "mask-painter" },
      screen,
      h("div", { class: "row", role: "group", "aria-label": "Rub out" }, ...buttons),
      hint,
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
            Math.floor(Math.floor(i / width) / cell) * columns + Math.floor((i % width) / cell)
          ] ?? 1,
      );
    },
  };
}
