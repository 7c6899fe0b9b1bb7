// A slider over a range of numbers, or over a list of them.

import { freshId, h } from "../screen/dom.js";
import { nearest } from "../settings/list.js";
import { keepFromScroll } from "./touch.js";
import { createName } from "./word.js";

/**
 * @param {object} options
 * @param {string} options.label
 * @param {string} [options.word] the label's meaning in the glossary
 * @param {number} [options.min]
 * @param {number} [options.max]
 * @param {number} [options.step]
 * @param {readonly number[]} [options.choices] instead of a range: these numbers, ascending
 * @param {number} options.value
 * @param {(value: number) => string} [options.format] the value in words, for all
 * @param {(value: number) => string} [options.say] the value in words for screen readers, where that is to be longer
 * @param {string} [options.hint] a line below; none while it is empty
 * @param {(value: number) => void} options.onChange while it is moved
 */
export function createSlider(options) {
  const { choices, format = String, say = format } = options;
  const id = freshId("slider");
  const input = h("input", {
    id,
    type: "range",
    min: choices === undefined ? (options.min ?? 0) : 0,
    max: choices === undefined ? (options.max ?? 100) : choices.length - 1,
    step: choices === undefined ? (options.step ?? 1) : 1,
  });
  // The slider says its value; a walk that moves it need not say it again and again.
  const output = h("output", { for: id, "aria-live": "off" });
  keepFromScroll(input);
  const hint = h("p", { class: "hint", id: `${id}-hint`, hidden: !options.hint });
  hint.textContent = options.hint ?? "";
  if (options.hint !== undefined) input.setAttribute("aria-describedby", hint.id);
  const element = h(
    "div",
    { class: "control" },
    createName(input, options.label, options.word),
    output,
    input,
    hint,
  );

  const read = () => (choices ? (choices[input.valueAsNumber] ?? NaN) : input.valueAsNumber);
  const show = () => {
    output.value = format(read());
    input.setAttribute("aria-valuetext", say(read()));
  };
  /** @param {number} value */
  const write = (value) => {
    input.valueAsNumber = choices ? choices.indexOf(nearest(choices, value)) : value;
    show();
  };
  input.addEventListener("input", () => {
    show();
    options.onChange(read());
  });
  write(options.value);

  return {
    element,
    get value() {
      return read();
    },
    set value(value) {
      write(value);
    },
    /** @param {string} text */
    set hint(text) {
      hint.textContent = text;
      hint.hidden = text === "";
    },
    /** @param {boolean} disabled */
    set disabled(disabled) {
      input.disabled = disabled;
    },
    /** @param {number} max */
    set max(max) {
      input.max = String(max);
      show();
    },
  };
}
