// Strokes over a canvas: with mouse, pen or touch, and with the arrow keys.

/** @typedef {{ x: number, y: number }} Place shares of an element's width and height, from its upper left corner */

/** Where a pointer is on an element. @param {Element} element @param {PointerEvent} event @returns {Place} */
export function placeOn(element, { clientX, clientY }) {
  const box = element.getBoundingClientRect();
  return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
}

/** @type {Record<string, [number, number]>} */
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} actions
 * @param {(place: Place) => void} actions.begin
 * @param {(place: Place) => void} actions.move while a stroke is under way
 * @param {() => void} actions.end
 * @param {(right: number, down: number) => void} actions.arrow an arrow key: one step to the right, or down
 * @param {() => void} actions.toggle the space key, which lifts and lowers what the arrows move
 */
export function listenToStrokes(canvas, { begin, move, end, arrow, toggle }) {
  let drawing = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    begin(placeOn(canvas, event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) move(placeOn(canvas, part));
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
    if (step !== undefined) arrow(...step);
    else if (!event.repeat) toggle();
  });
}
