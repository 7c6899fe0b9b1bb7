// The choice of a sampler. Below it stands what the chosen one does, or the one that is pointed at.

import { h } from "../screen/dom.js";
import { createChoice } from "./choice.js";
import { meaningOf } from "./word.js";

/** @typedef {import("../protocol/messages.js").BackSampler} BackSampler */

/** word: its meaning in the glossary. @type {{ value: BackSampler, name: string, word: string }[]} */
const SAMPLERS = [
  { value: "ddpm", name: "DDPM", word: "ddpm" },
  { value: "ddim", name: "DDIM", word: "ddim" },
  { value: "dpm++", name: "DPM++", word: "dpm-solver" },
  { value: "euler", name: "Euler", word: "euler" },
  { value: "euler_a", name: "Euler a", word: "euler-a" },
  { value: "heun", name: "Heun", word: "heun" },
  { value: "unipc", name: "UniPC", word: "unipc" },
];

/** What the page calls a sampler. @param {BackSampler} sampler */
export const nameOfSampler = (sampler) =>
  SAMPLERS.find(({ value }) => value === sampler)?.name ?? sampler;

/**
 * @param {object} options
 * @param {BackSampler} options.value
 * @param {(sampler: BackSampler) => void} options.onChange
 */
export function createSamplerChoice({ value: initial, onChange }) {
  const choice = createChoice({
    legend: "Sampler",
    word: "sampler",
    className: "words",
    choices: SAMPLERS,
    value: initial,
    onChange(sampler) {
      explain(sampler);
      onChange(sampler);
    },
  });
  // All of them lie in the same place, so that nothing below moves with the choice. Screen readers hear the meaning with
  // the choice itself.
  const hints = SAMPLERS.map(({ word }) => {
    const meaning = meaningOf(word);
    return h(
      "p",
      { class: "hint" },
      h("strong", {}, meaning?.previousElementSibling?.textContent ?? ""),
      ": ",
      ...[...(meaning?.childNodes ?? [])].map((part) => part.cloneNode(true)),
    );
  });
  choice.element.append(h("div", { class: "meanings", "aria-hidden": "true" }, ...hints));

  /** @param {BackSampler} sampler */
  const explain = (sampler) =>
    SAMPLERS.forEach(({ value }, i) => hints[i]?.toggleAttribute("data-shown", value === sampler));
  SAMPLERS.forEach(({ value, word }, i) => {
    const label = choice.labels[i];
    const meaning = meaningOf(word);
    if (label === undefined || meaning === null) return;
    label.querySelector("input")?.setAttribute("aria-describedby", meaning.id);
    label.addEventListener("pointerenter", ({ pointerType }) => {
      // A finger chooses what it touches.
      if (pointerType !== "touch") explain(value);
    });
    label.addEventListener("pointerleave", () => explain(choice.value));
  });
  explain(initial);

  return {
    element: choice.element,
    get value() {
      return choice.value;
    },
    set value(sampler) {
      choice.value = sampler;
      explain(sampler);
    },
  };
}
