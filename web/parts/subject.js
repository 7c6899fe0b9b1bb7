// The image that a figure begins with: one of the page's real digits where the model knows such images; where
// it does not, one that the model has drawn itself, until the visitor opens one of their own.

import { createGate } from "../gate.js";
import { digitsFit, inColour, isSlow } from "../suit.js";
import { wholeWalk } from "../whole-walk.js";
import { createDigitPicker } from "./digit-picker.js";
import { createImagePicker } from "./image-picker.js";

/** @typedef {import("../figure.js").Context} Context */

/**
 * @typedef {object} Subject
 * @property {HTMLElement} element
 * @property {Float32Array | null} x0 [channels, h, w] from -1 to 1; null until there is one
 * @property {number | null} digit its class, where it is a digit
 * @property {string} name in words
 * @property {number} value its place among the page's digits
 */

/**
 * @param {object} options
 * @param {Context} options.context
 * @param {import("../digits.js").Digits} options.digits
 * @param {number} options.value 0..99, its place among the page's digits
 * @param {(place: number) => void} options.onChange the same place where the image is none of them
 * @returns {Subject}
 */
export function createSubject({ context, digits, value, onChange }) {
  const { shape } = context;
  if (digitsFit(shape, digits)) {
    const picker = createDigitPicker({ digits, value, onChange });
    return {
      element: picker.element,
      get x0() {
        return picker.x0;
      },
      get digit() {
        return picker.label;
      },
      get name() {
        return `a real ${picker.label}`;
      },
      get value() {
        return picker.value;
      },
      set value(place) {
        picker.value = place;
      },
    };
  }
  const [, channels = 1, height, width] = shape;
  const picker = createImagePicker({
    shape,
    hint: `This figure begins with a real image. The page has digits of ${digits.height} × ${digits.width} in grey, and this model knows images of ${height} × ${width} ${inColour(channels)}: open one of the kind it was trained on, or drop it here. Until then the model draws one. A link to this page does not carry yours.`,
    draw: (number) => drawn(context, number),
    // Where a step takes seconds, only when asked.
    drawsAtOnce: !isSlow(context.loaded),
    onChange: () => onChange(value),
  });
  return {
    element: picker.element,
    get x0() {
      return picker.x0;
    },
    digit: null,
    get name() {
      return picker.own ? "your image" : "the model's image";
    },
    value,
  };
}

/** Steps of such a walk: enough for a network that was trained for minutes, too. */
const STEPS = 50;

/** What each model has drawn, the same for all figures. @type {WeakMap<import("../protocol.js").Loaded, Map<number, Promise<Float32Array | null>>>} */
const drawings = new WeakMap();

/**
 * An image that the model draws.
 * @param {Context} context
 * @param {number} number from 0, of the image
 * @returns {Promise<Float32Array | null>} null if the model was put away meanwhile
 */
function drawn({ engine, loaded }, number) {
  const known = drawings.get(loaded) ?? new Map();
  drawings.set(loaded, known);
  const before = known.get(number);
  if (before !== undefined) return before;
  const { classes, trainTimesteps } = loaded.info;
  /** @type {import("../protocol.js").ChainOptions} */
  const options = {
    seed: number,
    count: 1,
    label: classes.length > 0 ? number % classes.length : null,
    steps: Math.min(STEPS, trainTimesteps),
    sampler: "ddpm",
    spacing: "trailing",
  };
  const image = (async () => {
    const walk = wholeWalk(engine, options, new AbortController().signal, createGate());
    for await (const { frame } of walk) {
      if (frame.done) return frame.next.map((value) => Math.min(1, Math.max(-1, value)));
    }
    return null;
  })();
  known.set(number, image);
  image.catch(() => known.delete(number));
  return image;
}
