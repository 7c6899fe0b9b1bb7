// A pad to draw an image on, in grey or in colour: mouse, pen, touch, or the arrow keys; or an image file, chosen or
// dropped.

import { freshId, h } from "../screen/dom.js";
import { behind, bytesOf, valuesOf } from "../screen/paint.js";
import { MAX_DRAWING, readDrawing, writeDrawing } from "../settings/drawing.js";
import { createButton } from "./button.js";
import { Ink } from "./ink.js";
import { createOpenImage, groundOf, readImage, takeDrops } from "./open-image.js";
import { createPhotoPreview } from "./photo-preview.js";
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
 * @param {1 | 3 | 4} [options.channels] 3: red, green and blue, with pens in colour; 4: opacity, too, and nothing drawn is nothing there; 1 without it
 * @param {boolean} options.ofDigits whether a photo of ink on paper is taken for a digit
 * @param {() => void} options.onDraw after every stroke
 * @param {(error: unknown) => void} options.fail a file that is no image, or one too large for a link, as an Error with a sentence
 */
export function createDrawingPad(options) {
  const { label, imageSize, channels = 1, ofDigits, onDraw, fail } = options;
  const [height, width] = imageSize;
  let last = { x: 0, y: 0 };
  /** In pixels of the image. @param {import("./strokes.js").Point} point */
  const pixel = ({ x, y }) => ({ x: x * width, y: y * height });
  const { canvas, screen, hint } = createDrawable({
    canvasSize: [height * FINE, width * FINE],
    grid: [height, width],
    tool: "pen",
    hint: "Draw, or drop an image here.",
    begin(point) {
      preview.close();
      last = pixel(point);
      stroke(last, last);
    },
    move(point) {
      const next = pixel(point);
      stroke(last, next);
      last = next;
    },
    end: () => emit(),
  });
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser has no canvas to draw on.");
  /** One for each channel. */
  const inks = Array.from({ length: channels }, () => new Ink(height, width, FINE));
  const { box: all } = /** @type {Ink} */ (inks[0]);
  const images = () => joined(inks.map((ink) => ink.image()));
  const shown = new ImageData(canvas.width, canvas.height);
  /** The image: what is computed with. */
  let drawn = images();
  let empty = true;

  /** Shows a part of the ink. @param {import("./ink.js").Box} box */
  const show = (box) => {
    for (let y = box.y; y < box.y + box.height; y++) {
      for (let i = y * canvas.width + box.x, x = 0; x < box.width; i++, x++) {
        const values = inks.map((ink) => ink.values[i] ?? 0);
        const [red = 0, green = red, blue = red, alpha = 255] = values;
        const open = (behind(i, canvas.width, FINE) * (255 - alpha)) / 255;
        const share = alpha / 255;
        shown.data.set([red * share + open, green * share + open, blue * share + open, 255], 4 * i);
      }
    }
    context.putImageData(shown, 0, 0, box.x, box.y, box.width, box.height);
  };
  const blank = () => {
    for (const ink of inks) ink.clear();
    show(all);
    empty = true;
  };
  const name = () =>
    canvas.setAttribute("aria-label", `${label}: ${empty ? "nothing drawn yet" : "a drawing"}`);
  const emit = () => {
    drawn = images();
    name();
    onDraw();
    if (writeDrawing(drawn).length > MAX_DRAWING) {
      fail(
        new Error("This picture is too large for a link; a link will show the page's own picture."),
      );
    }
  };
  /** Puts an image onto the pad without telling. @param {Uint8ClampedArray<ArrayBuffer>} given [1 or channels, height, width] */
  const put = (given) => {
    // What is grey is as good in colour.
    const pixels = given.length === height * width ? joined(inks.map(() => given)) : given;
    drawn = pixels;
    inks.forEach((ink, c) =>
      ink.put(pixels.subarray(c * height * width, (c + 1) * height * width)),
    );
    show(all);
    empty = pixels.every((value) => value === 0);
    name();
  };
  /** A piece of a stroke, in pixels of the image. @param {{ x: number, y: number }} from @param {{ x: number, y: number }} to */
  const stroke = (from, to) => {
    const colour = channels === 1 ? [null] : [...coloursIn(pen.value), 255];
    const changed = inks.map((ink, c) => ink.stroke(from, to, PEN, colour[c] ?? null));
    show(changed[0] ?? all);
    empty = false;
  };

  /** The whole picture, on the whole pad. @param {Uint8ClampedArray[]} planes @param {boolean} bright */
  const takeWhole = (planes, bright) => {
    // Ink on paper, where MNIST has light on dark; a picture in colour stays as it is.
    const turned = bright && channels === 1;
    inks.forEach((ink, c) => {
      const plane = planes[c] ?? [];
      ink.fill((i) => (turned ? 255 - (plane[i] ?? 0) : (plane[i] ?? 0)));
    });
    show(all);
    empty = false;
    emit();
  };
  /** @param {Blob} file */
  const take = async (file) => {
    preview.close();
    try {
      const bitmap = await readImage(file);
      const shrink = Math.min(1, PHOTO / Math.max(bitmap.width, bitmap.height));
      const [w, tall] = [bitmap.width, bitmap.height].map((side) => Math.ceil(side * shrink));
      const size = { width: w ?? 1, height: tall ?? 1 };
      const ground = groundOf(bitmap) ?? undefined;
      const [grey = new Uint8ClampedArray()] = planesOf(bitmap, size.width, size.height, 1, ground);
      const picture = { values: grey, ...size };
      const bright = isPaper(picture);
      const around = ground ?? (bright ? "#fff" : "#000");
      const whole = planesOf(bitmap, canvas.width, canvas.height, channels, around);
      bitmap.close();
      if (!bright || !ofDigits) {
        takeWhole(whole, bright);
        return;
      }
      const digit = digitOnPaper(picture, height);
      preview.show(digit, {
        use() {
          put(digit);
          emit();
        },
        whole: () => takeWhole(whole, true),
      });
    } catch (error) {
      fail(error);
    }
  };
  const preview = createPhotoPreview([height, width]);

  const clear = createButton({
    name: "Clear",
    onPress: () => {
      preview.close();
      blank();
      emit();
    },
  });
  const id = freshId("pen");
  const pen = h("input", { id, type: "color", value: "#ffffff" });
  const colour = channels !== 1 ? h("span", {}, h("label", { for: id }, "Pen"), pen) : null;
  blank();
  name();
  const element = h(
    "div",
    { class: "drawing-pad" },
    screen,
    preview.element,
    h("div", { class: "row" }, colour, clear.element, createOpenImage(take)),
    hint,
  );
  takeDrops(element, take);
  return {
    element,
    /** x_0, [channels, h, w] from -1 (nothing) to 1 (ink) */
    get x0() {
      return valuesOf(drawn);
    },
    /** Puts an image onto the pad. @param {Float32Array} x0 [1 or channels, h, w] */
    set x0(x0) {
      put(bytesOf(x0));
    },
    /** The drawing for a link; "" where it is too large for one. */
    get text() {
      const text = writeDrawing(drawn);
      return text.length > MAX_DRAWING ? "" : text;
    },
    take,
    /** Puts a link's drawing onto the pad. @param {string} text @returns {boolean} whether it is one of this size */
    put(text) {
      // Links from before there were colours have drawings in grey.
      const pixels =
        readDrawing(text, channels * width * height) ?? readDrawing(text, width * height);
      if (pixels !== null) put(pixels);
      return pixels !== null;
    },
  };
}

/** @param {Uint8ClampedArray[]} parts @returns {Uint8ClampedArray<ArrayBuffer>} one behind the other */
function joined(parts) {
  const whole = new Uint8ClampedArray(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  return whole;
}

/** Red, green and blue of a colour as browsers write it. @param {string} colour #rrggbb */
const coloursIn = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/**
 * A picture in shades of grey or in colour, as large as it fits.
 * @param {ImageBitmap} picture
 * @param {number} width
 * @param {number} height
 * @param {1 | 3 | 4} channels
 * @param {string} [around] the colour of what it does not cover, where it is not left open
 * @returns {Uint8ClampedArray[]} [height, width] of each channel
 */
function planesOf(picture, width, height, channels, around = "#000") {
  const context = h("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser has no canvas, so the image cannot be read.");
  context.fillStyle = around;
  if (channels !== 4) context.fillRect(0, 0, width, height);
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, tall] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (width - w) / 2, (height - tall) / 2, w, tall);
  const { data } = context.getImageData(0, 0, width, height);
  if (channels !== 1) {
    return Array.from({ length: channels }, (_, channel) =>
      Uint8ClampedArray.from({ length: width * height }, (_, i) => data[4 * i + channel] ?? 0),
    );
  }
  const grey = Uint8ClampedArray.from({ length: width * height }, (_, i) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(4 * i, 4 * i + 3);
    // The weights of CSS's grayscale(), which not every browser's canvas has.
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  return [grey];
}
