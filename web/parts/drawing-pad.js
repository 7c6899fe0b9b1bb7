// A pad to draw a digit on: mouse, pen, touch, or the arrow keys; or an image file, chosen or dropped.

import { h } from "../screen/dom.js";
import { MAX_DRAWING, readDrawing, writeDrawing } from "../settings/drawing.js";
import { createButton } from "./button.js";
import { Ink } from "./ink.js";
import { createOpenImage, readImage, takeDrops } from "./open-image.js";
import { createPhotoLook } from "./photo-look.js";
import { digitOnPaper, isPaper } from "./photo.js";
import { createDrawable } from "./strokes.js";

/** Drawn this many times larger than the image. */
const FINE = 10;
/** Width of the pen in pixels of the image; MNIST's strokes are about as wide. */
const PEN = 2.2;
/** A photo is read with so many pixels at its longer side. */
const PHOTO = 400;

/**
 * @param {object} options
 * @param {string} options.label
 * @param {[number, number]} options.imageSize height, width
 * @param {boolean} options.ofDigits whether a photo of ink on paper is taken for a digit
 * @param {() => void} options.onDraw after every stroke
 * @param {(error: unknown) => void} options.fail a file that is no image, or one too large for a link, as an Error with a sentence
 */
export function createDrawingPad({ label, imageSize: [height, width], ofDigits, onDraw, fail }) {
  let last = { x: 0, y: 0 };
  /** In pixels of the image. @param {import("./strokes.js").Point} point */
  const pixel = ({ x, y }) => ({ x: x * width, y: y * height });
  const { canvas, screen, hint } = createDrawable({
    canvasSize: [height * FINE, width * FINE],
    grid: [height, width],
    tool: "pen",
    hint: "Draw, or drop an image here.",
    begin(point) {
      look.close();
      last = pixel(point);
      stroke(last, last);
    },
    move(point) {
      const next = pixel(point);
      stroke(last, next);
      last = next;
    },
    end: () => tell(),
  });
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser has no canvas to draw on.");
  const ink = new Ink(height, width, FINE);
  const shown = new ImageData(canvas.width, canvas.height);
  /** The image: what is computed with. */
  let drawn = ink.image();
  let empty = true;

  /** Shows a part of the ink. @param {import("./ink.js").Box} box */
  const show = (box) => {
    for (let y = box.y; y < box.y + box.height; y++) {
      for (let i = y * canvas.width + box.x, x = 0; x < box.width; i++, x++) {
        const value = ink.values[i] ?? 0;
        shown.data.set([value, value, value, 255], 4 * i);
      }
    }
    context.putImageData(shown, 0, 0, box.x, box.y, box.width, box.height);
  };
  const blank = () => {
    ink.clear();
    show(ink.box);
    empty = true;
  };
  const name = () =>
    canvas.setAttribute("aria-label", `${label}: ${empty ? "nothing drawn yet" : "a drawing"}`);
  const tell = () => {
    drawn = ink.image();
    name();
    onDraw();
    if (writeDrawing(drawn).length > MAX_DRAWING) {
      fail(
        new Error("This picture is too large for a link; a link will show the page's own picture."),
      );
    }
  };
  /** Puts an image onto the pad without telling. @param {Uint8ClampedArray<ArrayBuffer>} pixels */
  const put = (pixels) => {
    drawn = pixels;
    ink.put(pixels);
    show(ink.box);
    empty = pixels.every((value) => value === 0);
    name();
  };
  /** A piece of a stroke, in pixels of the image. @param {{ x: number, y: number }} from @param {{ x: number, y: number }} to */
  const stroke = (from, to) => {
    show(ink.stroke(from, to, PEN));
    empty = false;
  };

  /** The whole picture, on the whole pad. @param {Uint8ClampedArray} grey @param {boolean} bright */
  const takeWhole = (grey, bright) => {
    // Ink on paper, where MNIST has light on dark.
    ink.fill((i) => (bright ? 255 - (grey[i] ?? 0) : (grey[i] ?? 0)));
    show(ink.box);
    empty = false;
    tell();
  };
  /** @param {Blob} file */
  const take = async (file) => {
    look.close();
    try {
      const bitmap = await readImage(file);
      const shrink = Math.min(1, PHOTO / Math.max(bitmap.width, bitmap.height));
      const [w, tall] = [bitmap.width, bitmap.height].map((side) => Math.ceil(side * shrink));
      const size = { width: w ?? 1, height: tall ?? 1 };
      const picture = { values: greyOf(bitmap, size.width, size.height), ...size };
      const bright = isPaper(picture);
      const whole = greyOf(bitmap, canvas.width, canvas.height, bright ? "#fff" : "#000");
      bitmap.close();
      if (!bright || !ofDigits) {
        takeWhole(whole, bright);
        return;
      }
      const digit = digitOnPaper(picture, height);
      look.show(digit, {
        use() {
          put(digit);
          tell();
        },
        whole: () => takeWhole(whole, true),
      });
    } catch (error) {
      fail(error);
    }
  };
  const look = createPhotoLook([height, width]);

  const clear = createButton({
    name: "Clear",
    onPress: () => {
      look.close();
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
    look.element,
    h("div", { class: "row" }, clear.element, createOpenImage(take)),
    hint,
  );
  takeDrops(element, take);
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
    take,
    /** Puts a link's drawing onto the pad. @param {string} text @returns {boolean} whether it is one of this size */
    put(text) {
      const pixels = readDrawing(text, width * height);
      if (pixels !== null) put(pixels);
      return pixels !== null;
    },
  };
}

/**
 * A picture in shades of grey, as large as it fits.
 * @param {ImageBitmap} picture
 * @param {number} width
 * @param {number} height
 * @param {string} [around] the colour of what it does not cover
 * @returns {Uint8ClampedArray} [height, width]
 */
function greyOf(picture, width, height, around = "#000") {
  const context = h("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser has no canvas, so the image cannot be read.");
  context.fillStyle = around;
  context.fillRect(0, 0, width, height);
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, tall] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (width - w) / 2, (height - tall) / 2, w, tall);
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8ClampedArray.from({ length: width * height }, (_, i) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(4 * i, 4 * i + 3);
    // The weights of CSS's grayscale(), which not every browser's canvas has.
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
}
