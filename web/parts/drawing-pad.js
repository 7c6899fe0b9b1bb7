// A pad to draw a digit on: mouse, pen, touch, or the arrow keys; or an image file, chosen or dropped.

import { h } from "../dom.js";
import { MAX_DRAWING, readDrawing, writeDrawing } from "../drawing.js";
import { createButton } from "./button.js";
import { createOpenImage, readImage, takeDrops } from "./open-image.js";
import { createDrawable } from "./strokes.js";

/** Drawn this many times larger than the image, and averaged down: soft edges, as MNIST has them. */
const FINE = 10;
/** Width of the pen in pixels of the image; MNIST's strokes are about as wide. */
const PEN = 2.2;

/**
 * @param {object} options
 * @param {string} options.label
 * @param {[number, number]} options.imageSize height, width
 * @param {() => void} options.onDraw after every stroke
 * @param {(error: unknown) => void} options.fail a file that is no image, or one too large for a link, as an Error with a sentence
 */
export function createDrawingPad({ label, imageSize: [height, width], onDraw, fail }) {
  let last = { x: 0, y: 0 };
  /** In pixels of the image. @param {import("./strokes.js").Place} place */
  const pixel = ({ x, y }) => ({ x: x * width, y: y * height });
  const { canvas, screen, hint } = createDrawable({
    canvasSize: [height * FINE, width * FINE],
    grid: [height, width],
    tool: "pen",
    hint: "Draw, or drop an image here.",
    begin(place) {
      last = pixel(place);
      stroke(last, last);
    },
    move(place) {
      const next = pixel(place);
      stroke(last, next);
      last = next;
    },
    end: () => tell(),
  });
  const small = h("canvas", { width, height });
  const fine = canvas.getContext("2d");
  const coarse = small.getContext("2d", { willReadFrequently: true });
  if (fine === null || coarse === null) throw new Error("This browser gives no canvas to draw on.");
  const paper = fine;
  const reduced = coarse;
  /** What is drawn, from 0 (nothing) to 255 (ink): the canvas only shows it. */
  let drawn = new Uint8ClampedArray(width * height);
  let empty = true;

  const blank = () => {
    paper.fillStyle = "#000";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    empty = true;
  };
  const name = () =>
    canvas.setAttribute("aria-label", `${label}: ${empty ? "nothing is drawn yet" : "a drawing"}`);
  const tell = () => {
    reduced.imageSmoothingQuality = "high";
    reduced.drawImage(canvas, 0, 0, width, height);
    const { data } = reduced.getImageData(0, 0, width, height);
    drawn = drawn.map((_, i) => data[4 * i] ?? 0);
    name();
    onDraw();
    if (writeDrawing(drawn).length > MAX_DRAWING) {
      fail(new Error("This picture is too large for a link: a link shows the page's own instead."));
    }
  };
  /** Puts an image onto the pad without telling. @param {Uint8ClampedArray<ArrayBuffer>} pixels */
  const put = (pixels) => {
    drawn = pixels;
    const image = new ImageData(width, height);
    pixels.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
    reduced.putImageData(image, 0, 0);
    paper.imageSmoothingEnabled = false;
    paper.drawImage(small, 0, 0, canvas.width, canvas.height);
    paper.imageSmoothingEnabled = true;
    empty = pixels.every((value) => value === 0);
    name();
  };
  /** A piece of a stroke, in pixels of the image. @param {{ x: number, y: number }} from @param {{ x: number, y: number }} to */
  const stroke = (from, to) => {
    paper.strokeStyle = "#fff";
    paper.lineWidth = PEN * FINE;
    paper.lineCap = "round";
    paper.lineJoin = "round";
    paper.beginPath();
    paper.moveTo(from.x * FINE, from.y * FINE);
    paper.lineTo(to.x * FINE, to.y * FINE);
    paper.stroke();
    empty = false;
  };

  /** @param {Blob} file */
  const take = async (file) => {
    try {
      const bitmap = await readImage(file);
      blank();
      const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
      const [w, h] = [bitmap.width * scale, bitmap.height * scale];
      paper.filter = "grayscale(1)";
      paper.drawImage(bitmap, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
      paper.filter = "none";
      bitmap.close();
      if (isBright(paper)) invert(paper);
      empty = false;
      tell();
    } catch (error) {
      fail(error);
    }
  };
  takeDrops(canvas, take);

  const clear = createButton({
    name: "Clear",
    onPress: () => {
      blank();
      tell();
    },
  });
  blank();
  name();
  const element = h(
    "div",
    { class: "drawing-pad" },
    screen,
    h("div", { class: "row" }, clear.element, createOpenImage(take)),
    hint,
  );
  return {
    element,
    /** x_0, [h, w] from -1 (nothing) to 1 (ink) */
    get x0() {
      return Float32Array.from(drawn, (value) => value / 127.5 - 1);
    },
    /** Puts an image onto the pad. @param {Float32Array} x0 [h, w] */
    set x0(x0) {
      put(Uint8ClampedArray.from(x0, (value) => (value + 1) * 127.5));
    },
    /** The drawing for a link; "" where it is too large for one. */
    get text() {
      const text = writeDrawing(drawn);
      return text.length > MAX_DRAWING ? "" : text;
    },
    /** Puts a link's drawing onto the pad. @param {string} text @returns {boolean} whether it is one of this size */
    put(text) {
      const pixels = readDrawing(text, width * height);
      if (pixels !== null) put(pixels);
      return pixels !== null;
    },
  };
}

/** Whether the picture's rim is bright: ink on paper, where MNIST has light on dark. @param {CanvasRenderingContext2D} context */
function isBright(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] ?? 0;
  return sum / (width * height) > 127.5;
}

/** @param {CanvasRenderingContext2D} context */
function invert(context) {
  context.globalCompositeOperation = "difference";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}
