// Where the image comes from: a real digit, or what the visitor draws or drops.

import { sentence, asSentence } from "../../basics/sentence.js";
import { createChoice } from "../../parts/choice.js";
import { createDigitPicker } from "../../parts/digit-picker.js";
import { createDrawingPad } from "../../parts/drawing-pad.js";
import { takeDrops } from "../../parts/open-image.js";
import { h, setText } from "../../screen/dom.js";

/**
 * @typedef {object} Choice
 * @property {number} digit its number among the page's digits
 * @property {string} drawing in place of the digit, as a link has it; "" if there is none
 */

/**
 * @param {object} options
 * @param {import("../../client/digits.js").Digits} options.digits
 * @param {(choice: Partial<Choice>) => void} options.onChange another digit, a stroke, or the other of both
 * @param {(text: string) => void} options.refuse a link's drawing that is none of the digits' size
 */
export function createPicture({ digits, onChange, refuse }) {
  const notice = h("p", { class: "notice", role: "status" });
  const picker = createDigitPicker({
    digits,
    value: 0,
    onChange: (digit) => onChange({ digit }),
  });
  const pad = createDrawingPad({
    label: "Your image",
    imageSize: [digits.height, digits.width],
    ofDigits: true,
    onDraw: () => {
      setText(notice, "");
      onChange({ drawing: pad.text });
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
    onChange: (value) => {
      show();
      onChange({ drawing: value === "own" ? pad.text : "" });
    },
  });
  show();
  const element = h("div", { class: "stack" }, source.element, picker.element, pad.element, notice);
  // On the pad itself the pad has taken it already.
  takeDrops(element, (file) => {
    source.value = "own";
    show();
    pad.take(file);
  });
  return {
    element,
    get x0() {
      return source.value === "digit" ? picker.x0 : pad.x0;
    },
    /** In words. */
    get name() {
      return source.value === "digit" ? `a real ${picker.label}` : "your image";
    },
    /** Shows what the address says. @param {Choice} choice */
    show({ digit, drawing }) {
      const own = drawing !== "" && pad.put(drawing);
      source.value = own ? "own" : "digit";
      picker.value = digit;
      show();
      if (drawing !== "" && !own) refuse(drawing);
    },
  };
}
