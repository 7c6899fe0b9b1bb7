// The image that a figure begins with: one of the page's real digits where the model knows such images; where
// it does not, one that the model has drawn itself, until the visitor opens one of their own.

import { SharedWalk } from "../../client/shared-walk.js";
import { wholeWalk } from "../../client/whole-walk.js";
import { createDigitPicker } from "../../parts/digit-picker.js";
import { createImagePicker } from "../../parts/image-picker.js";
import { classesOf, digitsFit, inColour, isSlow } from "../../settings/suit.js";

/** @typedef {import("./figure.js").Context} Context */

/**
 * @typedef {object} Subject
 * @property {HTMLElement} element
 * @property {Float32Array | null} x0 [channels, h, w] from -1 to 1; null until there is one
 * @property {number | null} digit its class, where it is a digit
 * @property {string} name in words
 * @property {number} value its number among the page's digits
 * @property {(resting: boolean) => void} rest true: nobody looks, so the model draws nothing
 * @property {() => void} dispose
 */

/**
 * @param {object} options
 * @param {Context} options.context
 * @param {import("../../client/digits.js").Digits} options.digits
 * @param {number} options.value 0..99, its number among the page's digits
 * @param {(digit: number) => void} options.onChange the same where the image is none of them
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
      set value(number) {
        picker.value = number;
      },
      rest() {},
      dispose() {},
    };
  }
  const [, channels = 1, height, width] = shape;
  /** Waits for what the model draws. */
  const waiting = {};
  /** @type {SharedWalk | null} */
  let drawing = null;
  let resting = false;
  const leave = () => {
    drawing?.leave(waiting);
    drawing = null;
  };
  const picker = createImagePicker({
    shape,
    hint: `This figure begins with a real image. The page has digits of ${digits.height} × ${digits.width} in grey, but this model draws images of ${height} × ${width} ${inColour(channels)}. Open an image like those it was trained on, or drop one here. Until then the model draws one. A link to this page does not carry yours.`,
    draw(number) {
      const begun = drawn(context, number);
      begun.wait(waiting, resting);
      drawing = begun;
      return begun.image;
    },
    leave,
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
    rest(value) {
      resting = value;
      drawing?.wait(waiting, value);
    },
    dispose: leave,
  };
}

/** Steps of such a walk: enough for a network that was trained for minutes, too. */
const STEPS = 50;

/** What each model draws or has drawn, the same for all figures. @type {WeakMap<import("../../protocol/messages.js").Loaded, Map<number, SharedWalk>>} */
const drawings = new WeakMap();

/**
 * An image that the model draws; its pixels are what can be seen, from -1 to 1.
 * @param {Context} context
 * @param {number} number from 0, of the image
 */
function drawn({ engine, loaded }, number) {
  const known = drawings.get(loaded) ?? new Map();
  drawings.set(loaded, known);
  const before = known.get(number);
  if (before !== undefined && !before.isOver) return before;
  const { trainTimesteps } = loaded.info;
  const classes = classesOf(loaded.info);
  /** @type {import("../../protocol/messages.js").ChainOptions} */
  const options = {
    seed: number,
    count: 1,
    label: classes[number % classes.length]?.label ?? null,
    numInferenceSteps: Math.min(STEPS, trainTimesteps),
    sampler: "ddpm",
    spacing: "trailing",
  };
  const drawing = new SharedWalk(async (signal, gate) => {
    for await (const { frame } of wholeWalk(engine, options, signal, gate, true)) {
      if (frame.done) return frame.xPrev.map((value) => Math.min(1, Math.max(-1, value)));
    }
    return null;
  });
  known.set(number, drawing);
  drawing.image.catch(() => {
    if (known.get(number) === drawing) known.delete(number);
  });
  return drawing;
}
