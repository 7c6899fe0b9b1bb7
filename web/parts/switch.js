// On or off.

import { freshId, h } from "../screen/dom.js";

/**
 * @param {object} options
 * @param {string} options.label what is on when it is on
 * @param {string} [options.hint]
 * @param {boolean} options.value
 * @param {(value: boolean) => void} options.onChange
 */
export function createSwitch(options) {
  const id = freshId("switch");
  const input = h("input", { id, type: "checkbox", role: "switch" });
  input.checked = options.value;
  input.addEventListener("change", () => options.onChange(input.checked));
  const hint = h("p", { class: "hint", id: `${id}-hint` }, options.hint ?? "");
  if (options.hint !== undefined) input.setAttribute("aria-describedby", hint.id);
  const element = h(
    "div",
    { class: "switch" },
    input,
    h("label", { for: id }, options.label),
    options.hint === undefined ? null : hint,
  );
  return {
    element,
    get value() {
      return input.checked;
    },
    set value(value) {
      input.checked = value;
    },
    /** @param {boolean} disabled */
    set disabled(disabled) {
      input.disabled = disabled;
    },
  };
}
