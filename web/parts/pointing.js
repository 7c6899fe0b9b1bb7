// Where on a picture: the canvas may be larger than what it shows.

/** @typedef {{ x: number, y: number }} Point shares of an element's width and height, from its upper left corner */

/**
 * The part of a square that a canvas shows its picture in: all of it where the picture is square too.
 * @param {HTMLCanvasElement} canvas
 * @returns {{ left: number, top: number, width: number, height: number }} shares of the square's side
 */
export function pictureIn({ width, height }) {
  const side = Math.max(width, height);
  const [w, tall] = [width / side, height / side];
  return { left: (1 - w) / 2, top: (1 - tall) / 2, width: w, height: tall };
}

/**
 * Where a pointer is on the picture of a canvas, beyond 0 and 1 where it is beside it.
 * @param {HTMLCanvasElement} canvas
 * @param {{ clientX: number, clientY: number }} event
 * @returns {Point}
 */
export function pointOn(canvas, { clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  // A style sheet may stretch the picture over all of the canvas.
  if (getComputedStyle(canvas).objectFit !== "contain") return { x, y };
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  const [w, tall] = [(canvas.width * scale) / box.width, (canvas.height * scale) / box.height];
  return { x: (x - (1 - w) / 2) / w, y: (y - (1 - tall) / 2) / tall };
}

/**
 * Puts a mark over one cell of a picture that lies in a square.
 * @param {HTMLElement} mark
 * @param {HTMLCanvasElement} canvas
 * @param {[number, number]} grid rows and columns
 * @param {[number, number]} cell row and column
 */
export function markCell(mark, canvas, [rows, columns], [row, column]) {
  const { left, top, width, height } = pictureIn(canvas);
  mark.style.inset = `${100 * (top + (height * row) / rows)}% auto auto ${100 * (left + (width * column) / columns)}%`;
  mark.style.width = `${(100 * width) / columns}%`;
  mark.style.height = `${(100 * height) / rows}%`;
}
