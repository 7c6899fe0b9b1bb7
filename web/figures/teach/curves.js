// What can be seen of learning in numbers: the loss of every step, and the error over t before and now.

import { createPlot } from "../../parts/plot.js";
import { titled } from "../../parts/titled.js";
import { createWord } from "../../parts/word.js";
import { h } from "../../screen/dom.js";
import { smoothed } from "./smoothed.js";

export function createCurves() {
  const loss = createPlot({
    label: "Loss over the steps",
    x: { label: "step" },
    y: { label: "loss", log: true },
    height: 180,
    series: [
      { name: "each batch", word: "batch", colour: "quiet", kind: "points", width: 2 },
      { name: "smoothed", word: "smoothed", width: 2 },
    ],
  });
  const errors = createPlot({
    label: "Squared error over t, for the examples",
    x: { label: "t" },
    y: { label: "squared error", log: true },
    height: 180,
    series: [
      { name: "before", colour: "quiet", dashed: true },
      { name: "now", width: 2 },
    ],
  });
  const errorsBox = titled(
    h(
      "span",
      {},
      "The ",
      createWord("squared-error", "squared error"),
      " over t, for the examples",
    ),
    errors.element,
  );
  errorsBox.hidden = true;
  return {
    element: h(
      "div",
      { class: "teach-curves" },
      titled(h("span", {}, "The ", createWord("loss", "loss"), ", step by step"), loss.element),
      errorsBox,
    ),
    /** @param {readonly number[]} losses */
    showLosses(losses) {
      const mean = smoothed(losses);
      const last = mean.at(-1);
      const text = last === undefined ? null : `${losses.length} steps, now ${last.toPrecision(2)}`;
      loss.set([losses.map((_, i) => i + 1), losses, mean], text);
    },
    /** @param {import("../../protocol/learning.js").Errors | null} measured */
    showErrors(measured) {
      errorsBox.hidden = measured === null;
      if (measured === null) return;
      const { timesteps, before, after } = measured;
      const first = (/** @type {(number | null)[]} */ list) => list[0]?.toPrecision(2) ?? "unknown";
      errors.set(
        [timesteps, before, after],
        `at t = ${timesteps[0]} before ${first(before)}, now ${first(after)}`,
      );
    },
    dispose() {
      loss.dispose();
      errors.dispose();
    },
  };
}
