// Where the image comes from: a real digit, or what the visitor draws or drops.

import { h, setText } from "../../dom.js";
import { createChoice } from "../../parts/choice.js";
import { createDigitPicker } from "../../parts/digit-picker.js";
import { createDrawingPad } from "../../parts/drawing-pad.js";
import { sentence, asSentence } from "../../sentence.js";

/**
 * @param {object} options
 * @param {import("../../digits.js").Digits} options.digits
 * @param {number} options.digit its place among the page's digits
 * @param {(digit: number) => void} options.onPick
 * @param {() => void} options.onDraw something was drawn, or the source changed
 */
export function createPicture({ digits, digit, onPick, onDraw }) {
  const notice = h("p", { class: "notice", role: "status" });
  const picker = createDigitPicker({
    digits,
    value: digit,
    onChange: (place) => {
      onPick(place);
      onDraw();
    },
  });
  const pad = createDrawingPad({
    label: "Your image",
    imageSize: [digits.height, digits.width],
    onDraw: () => {
      setText(notice, "");
      onDraw();
    },
    fail: (error) => setText(notice, asSentence(sentence(error))),
  });
  const show = () => {
    picker.element.hidden = source.value !== "digit";
    pad.element.hidden = source.value !== "own";
    setText(notice, "");
  };
  const source = createChoice({
    legend: "Begin with",
    choices: [
      { value: "digit", name: "a test digit" },
      { value: "own", name: "your own" },
    ],
    value: "digit",
    onChange: () => {
      show();
      onDraw();
    },
  });
  show();
  return {
    element: h("div", { class: "stack" }, source.element, picker.element, pad.element, notice),
    get x0() {
      return source.value === "digit" ? picker.x0 : pad.x0;
    },
    /** In words. */
    get name() {
      return source.value === "digit" ? `a real ${picker.label}` : "your image";
    },
    /** Back to a digit, by its place. @param {number} place */
    set digit(place) {
      source.value = "digit";
      picker.value = place;
      show();
    },
  };
}
