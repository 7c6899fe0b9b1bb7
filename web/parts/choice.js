// A choice of one among a few, all in sight: a group of radio buttons that looks like one control.

import { freshId, h } from "../screen/dom.js";
import { classesOf, ofDigits } from "../settings/suit.js";
import { createWord } from "./word.js";

/**
 * @template const T
 * @param {object} options
 * @param {string} options.legend
 * @param {string} [options.word] the legend's meaning in the glossary
 * @param {readonly { value: T, name: string }[]} options.choices
 * @param {NoInfer<T>} options.value
 * @param {boolean} [options.quiet] the legend is for screen readers only: the choices speak for themselves
 * @param {string} [options.className] for the list: "digits" sets eleven in a row or two, "words" wraps
 * @param {(value: T) => void} options.onChange
 */
export function createChoice(options) {
  const group = freshId("choice");
  const inputs = options.choices.map(({ value }) => {
    const input = h("input", { type: "radio", name: group });
    input.checked = value === options.value;
    input.addEventListener("change", () => options.onChange(value));
    return input;
  });
  const labels = options.choices.map(({ name }, i) =>
    h("label", {}, inputs[i], h("span", {}, name)),
  );
  const legend =
    options.word === undefined ? options.legend : createWord(options.word, options.legend);
  const element = h(
    "fieldset",
    { class: "choice" },
    h("legend", { class: options.quiet === true ? "unseen" : null }, legend),
    h("div", { class: `choices ${options.className ?? "segments"}` }, ...labels),
  );
  return {
    element,
    /** One for each choice, in their order. */
    labels,
    get value() {
      const at = inputs.findIndex((input) => input.checked);
      return options.choices[at]?.value ?? options.value;
    },
    set value(value) {
      options.choices.forEach((choice, i) => {
        const input = inputs[i];
        if (input !== undefined) input.checked = choice.value === value;
      });
    },
    /** @param {boolean} disabled */
    set disabled(disabled) {
      element.disabled = disabled;
    },
  };
}

/** More choices than these are a menu. */
const IN_SIGHT = 24;

/**
 * A choice of one among many.
 * @template const T
 * @param {object} options
 * @param {string} options.legend
 * @param {readonly { value: T, name: string }[]} options.choices
 * @param {NoInfer<T>} options.value
 * @param {(value: T) => void} options.onChange
 */
function createMenu({ legend, choices, value: initial, onChange }) {
  const id = freshId("menu");
  const menu = h(
    "select",
    { id },
    ...choices.map(({ name }, i) => h("option", { value: i }, name)),
  );
  /** @param {T} value */
  const show = (value) => {
    menu.selectedIndex = choices.findIndex((choice) => choice.value === value);
  };
  show(initial);
  menu.addEventListener("change", () => {
    const choice = choices[menu.selectedIndex];
    if (choice !== undefined) onChange(choice.value);
  });
  return {
    element: h("div", { class: "control" }, h("label", { for: id }, legend), menu),
    set value(/** @type {T} */ value) {
      show(value);
    },
  };
}

/**
 * The choice of a class, or of any class if the model can be asked for that.
 * @param {object} options
 * @param {import("../protocol/messages.js").ModelInfo} options.info
 * @param {number | null} options.value
 * @param {boolean} [options.any] false: only the classes
 * @param {(label: number | null) => void} options.onChange
 */
export function createLabelChoice({ info, value, any = true, onChange }) {
  const digits = ofDigits(info);
  /** @type {{ value: number | null, name: string }[]} */
  const choices = classesOf(info).map(({ name, label }) => ({ value: label, name }));
  if (any && info.nullLabel !== null) choices.unshift({ value: null, name: "any" });
  if (choices.length > IN_SIGHT) return createMenu({ legend: "Class", choices, value, onChange });
  const choice = createChoice({
    legend: digits ? "Digit" : "Class",
    choices,
    value,
    className: digits ? "digits" : "classes",
    onChange,
  });
  choice.element.hidden = info.classes.length === 0;
  return choice;
}
