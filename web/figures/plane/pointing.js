// Pointing at the plane: with the mouse, with a tap, or with the arrow keys.

import { freshId, h } from "../../screen/dom.js";
import { pointOn } from "../../parts/pointing.js";
import { REACH } from "./shapes.js";

/** What pointing shows. */
export const POINTING =
  "Point anywhere on the large plane, or move with the arrow keys: the lines lead to the points that a noisy point there may have come from.";

/** How far an arrow key moves it. */
const STEP = REACH / 16;

/** @type {Record<string, [number, number]>} */
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(point: [number, number] | null, byKey: boolean) => void} onPoint null: nowhere any more
 * @returns {HTMLElement} says how, to those who do not see it
 */
export function listenForPointing(canvas, onPoint) {
  const id = freshId("pointing");
  /** @type {[number, number] | null} */
  let pointed = null;
  /** @param {[number, number] | null} next @param {boolean} byKey */
  const point = (next, byKey) => {
    pointed = next;
    onPoint(next, byKey);
  };
  /** @param {PointerEvent | MouseEvent} event @returns {[number, number]} */
  const under = (event) => {
    const { x, y } = pointOn(canvas, event);
    return [(2 * x - 1) * REACH, (2 * y - 1) * REACH];
  };
  canvas.tabIndex = 0;
  // The arrow keys go to the canvas, not to a screen reader.
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-describedby", id);
  canvas.addEventListener("pointermove", (event) => {
    // A finger scrolls; it points when it taps.
    if (event.pointerType !== "touch") point(under(event), false);
  });
  canvas.addEventListener("click", (event) => point(under(event), false));
  canvas.addEventListener("pointerleave", ({ pointerType }) => {
    if (pointerType !== "touch") point(null, false);
  });
  canvas.addEventListener("blur", () => point(null, false));
  canvas.addEventListener("keydown", (event) => {
    const step = arrows[event.key];
    if (event.key === "Escape" && pointed !== null) point(null, true);
    else if (step !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const [x, y] = pointed ?? [0, 0];
      /** @param {number} value */
      const inside = (value) => Math.min(REACH, Math.max(-REACH, value));
      point([inside(x + STEP * step[0]), inside(y + STEP * step[1])], true);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return h("p", { class: "unseen", id }, POINTING);
}
