// The real image that a figure begins with: one of the page's digits where the model knows such images, an
// image of the visitor's own where it does not.

import { digitsFit, inColour } from "../suit.js";
import { createDigitPicker } from "./digit-picker.js";
import { createImagePicker } from "./image-picker.js";

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
 * @param {import("../digits.js").Digits} options.digits
 * @param {number[]} options.shape [1, channels, h, w], of the model's images
 * @param {number} options.value 0..99, its place among the page's digits
 * @param {(place: number) => void} options.onChange the same place where the image is the visitor's
 * @returns {Subject}
 */
export function createSubject({ digits, shape, value, onChange }) {
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
    hint: `This figure begins with a real image. The page has digits of ${digits.height} × ${digits.width} in grey, and this model knows images of ${height} × ${width} ${inColour(channels)}: open one of the kind it was trained on, or drop it here.`,
    onChange: () => onChange(value),
  });
  return {
    element: picker.element,
    get x0() {
      return picker.x0;
    },
    digit: null,
    name: "your image",
    value,
  };
}
