// Algorithm 1 in five lines, each linked to the Rust that it is; they light up as they run.

import { sourceLink } from "../../parts/source-link.js";
import { h } from "../../screen/dom.js";

/** @type {[string, string][]} */
const LINES = [
  ["take an example, and vary it: x_0", "crate/src/learn/examples.rs#draw"],
  ["draw a time t, any of them", "crate/src/train/batches.rs#stratified_timesteps"],
  ["draw noise eps", "crate/src/noise.rs#normal"],
  ["mix both, as much noise as t has: x_t", "crate/src/diffusion.rs#add_noise"],
  // Between the bar and the square no line ends.
  [
    "step against the slope of |eps − eps-hat(x_t, t)|\u2060²",
    "crate/src/train/gradients.rs#of_batch",
  ],
];

/** How many lines run before the step itself. */
export const BEFORE_THE_STEP = LINES.length - 1;

export function createLines() {
  const items = LINES.map(([text, path]) => h("li", {}, h("span", {}, text), sourceLink(path)));
  return {
    element: h("ol", { class: "teach-lines" }, ...items),
    /** Lights lines up. @param {(line: number) => boolean} isLit by its number, from 0 */
    light(isLit) {
      items.forEach((item, i) => {
        item.toggleAttribute("data-lit", isLit(i));
        if (isLit(i)) item.setAttribute("aria-current", "step");
        else item.removeAttribute("aria-current");
      });
    },
  };
}
