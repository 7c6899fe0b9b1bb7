// A slider over a whole walk, with small pictures of the walk so far above it, and room between the two for
// plots that share their axis.

import { h } from "../screen/dom.js";
import { followFourView, pixels } from "../screen/paint.js";
import { pointOn } from "./pointing.js";
import { keepFromScroll } from "./touch.js";

/** Thumbnails in the strip at most. */
const THUMBNAILS = 12;

/**
 * @param {object} options
 * @param {string} options.label
 * @param {Node} [options.between] put between the pictures and the slider
 * @param {(position: number) => void} options.onSeek while it is moved
 */
export function createScrubber({ label, between, onSeek }) {
  const canvas = h("canvas", { "aria-hidden": "true", width: 28 * THUMBNAILS, height: 28 });
  const input = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    "aria-label": label,
  });
  const reached = h("div", { class: "reached" });
  const element = h(
    "div",
    { class: "scrubber" },
    h("div", { class: "strip" }, canvas),
    between,
    h("div", { class: "rail" }, reached, input),
  );
  const context = canvas.getContext("2d");
  let length = 1;
  /** How each slot was drawn. @type {Map<number, () => void>} */
  const drawn = new Map();
  const drawAgain = () => {
    for (const draw of drawn.values()) draw();
  };
  keepFromScroll(input);
  input.addEventListener("input", () => onSeek(input.valueAsNumber));

  /** The position whose picture stands at a slot of the strip. @param {number} slot */
  const positionOf = (slot) => Math.round((slot * length) / (THUMBNAILS - 1));

  // The pictures lead to where they were taken.
  canvas.addEventListener("click", (event) => {
    const slot = Math.min(THUMBNAILS - 1, Math.floor(pointOn(canvas, event).x * THUMBNAILS));
    onSeek(positionOf(slot));
  });

  return {
    element,
    /** @param {number} steps positions run from 0 to steps */
    reset(steps) {
      length = steps;
      input.max = String(steps);
      drawn.clear();
      context?.clearRect(0, 0, canvas.width, canvas.height);
    },
    /**
     * @param {number} position where the handle stands: what is shown, or where the walk is asked to go
     * @param {number} computed how far the walk has come
     * @param {string} text the position in words
     */
    move(position, computed, text) {
      if (input.valueAsNumber !== position) input.valueAsNumber = position;
      input.setAttribute("aria-valuetext", text);
      reached.style.setProperty("--share", String(computed / length));
    },
    /** The state of the walk at a position; drawn if the strip has a slot for it. @param {number} position @param {Float32Array} values @param {number[]} shape */
    put(position, values, shape) {
      for (let slot = 0; slot < THUMBNAILS; slot++) {
        if (drawn.has(slot) || positionOf(slot) !== position) continue;
        const [, channels, height = 1, width = 1] = shape;
        // The slots are squares, in which an image that is none keeps its form.
        const side = Math.max(height, width);
        if (canvas.height !== side) {
          canvas.width = side * THUMBNAILS;
          canvas.height = side;
          drawn.clear();
        }
        const [left, top] = [(side - width) >> 1, (side - height) >> 1];
        const draw = () => context?.putImageData(pixels(values, shape), slot * side + left, top);
        drawn.set(slot, draw);
        draw();
        followFourView(canvas, channels, drawAgain);
      }
    },
  };
}
