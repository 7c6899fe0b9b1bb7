// One of the page's real digits: its class, and which of the ten.

import { h } from "../screen/dom.js";
import { createButton } from "./button.js";
import { createChoice } from "./choice.js";
import { createTile } from "./tile.js";

/**
 * @param {object} options
 * @param {import("../client/digits.js").Digits} options.digits
 * @param {number} options.value 0..99, its number among the page's digits
 * @param {boolean} [options.tile] false: without a picture of its own
 * @param {(number: number) => void} options.onChange
 */
export function createDigitPicker({ digits, value, tile: hasTile = true, onChange }) {
  const names = [...new Set(digits.labels)];
  let number = value;
  const labelOf = () => digits.labels[number] ?? 0;
  const image = () => digits.images[number] ?? new Float32Array(digits.height * digits.width);

  const tile = createTile({ empty: "No digit is chosen yet" });
  const choice = createChoice({
    legend: "Digit",
    choices: names.map((label) => ({ value: label, name: String(label) })),
    value: labelOf(),
    className: "digits",
    onChange: (label) => choose(digits.labels.indexOf(label)),
  });
  const next = createButton({ name: "Another one", onPress: () => choose(following()) });

  const following = () => {
    const same = digits.labels.flatMap((label, i) => (label === labelOf() ? [i] : []));
    return same[(same.indexOf(number) + 1) % same.length] ?? number;
  };
  const show = () => {
    choice.value = labelOf();
    const test = digits.testIndices[number];
    const text = `A real ${labelOf()}, number ${test} of MNIST's test set`;
    tile.show(image(), [1, 1, digits.height, digits.width], text);
    next.rename(`Another ${labelOf()}`);
  };
  /** @param {number} wish */
  const choose = (wish) => {
    number = wish;
    show();
    onChange(number);
  };
  show();

  return {
    element: h(
      "div",
      { class: "digit-picker" },
      hasTile ? tile.element : null,
      h("div", {}, choice.element, next.element),
    ),
    get value() {
      return number;
    },
    set value(wish) {
      number = wish;
      show();
    },
    /** x_0, [h, w] from -1 to 1 */
    get x0() {
      return image();
    },
    get label() {
      return labelOf();
    },
  };
}
