// The seed of the noise: a number to type, and a dice to throw.

import { freshId, h } from "../screen/dom.js";
import { MAX_SEED } from "../settings/list.js";
import { createButton } from "./button.js";
import { createName } from "./word.js";

/**
 * @param {object} options
 * @param {string} [options.where] where a figure has two, e.g. "on the left"
 * @param {number} options.value
 * @param {string} [options.shortcut] of the dice
 * @param {(seed: number) => void} options.onChange
 */
export function createSeed(options) {
  const id = freshId("seed");
  const where = options.where === undefined ? "" : ` ${options.where}`;
  const input = h("input", {
    id,
    type: "number",
    inputmode: "numeric",
    min: 0,
    max: MAX_SEED,
    step: 1,
    required: true,
    autocomplete: "off",
  });
  input.valueAsNumber = options.value;
  input.addEventListener("change", () => {
    const wish = Math.round(input.valueAsNumber);
    input.valueAsNumber = Number.isNaN(wish) ? 0 : Math.min(MAX_SEED, Math.max(0, wish));
    options.onChange(input.valueAsNumber);
  });
  const roll = () => {
    const before = input.valueAsNumber;
    while (input.valueAsNumber === before) {
      input.valueAsNumber = Math.floor(Math.random() * 10000);
    }
    options.onChange(input.valueAsNumber);
  };
  const dice = createButton({
    name: `Another seed${where}`,
    icon: "dice",
    onPress: roll,
    ...(options.shortcut === undefined ? {} : { shortcut: options.shortcut }),
  });
  const element = h(
    "div",
    { class: "control" },
    createName(input, `Seed${where}`, "seed"),
    h("div", { class: "with-button" }, input, dice.element),
  );
  return {
    element,
    roll,
    set value(/** @type {number} */ value) {
      input.valueAsNumber = value;
    },
  };
}
