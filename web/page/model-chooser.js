// What can be chosen of a model that its files leave open: which of two sets of weights, class names, the label for none,
// and how four channels are shown.

import { EMA_LEFT, EMA_TAKEN } from "../models/chosen.js";
import { createButton } from "../parts/button.js";
import { createChoice } from "../parts/choice.js";
import { createSwitch } from "../parts/switch.js";
import { h } from "../screen/dom.js";
import { showFourAs } from "../screen/paint.js";
import { askLabels } from "./model-labels.js";

/** @typedef {import("../models/chosen.js").Chosen} Chosen */

/** @param {(change: Chosen) => void} onChoose opens the same model, so changed */
export function createChooser(onChoose) {
  const averaged = createSwitch({
    label: "Averaged weights",
    hint: "The average over the training (EMA) usually draws better than the last state.",
    value: true,
    onChange: (on) => onChoose({ weights: on ? "averaged" : "trained" }),
  });
  /** @type {import("../protocol/messages.js").ModelInfo | null} */
  let shown = null;
  const classes = createButton({
    name: "Name the classes",
    async onPress() {
      const labels = shown && (await askLabels(shown));
      if (labels !== null) onChoose({ labels });
    },
  });
  classes.element.classList.add("text");
  const row = h("div", { class: "row", hidden: true }, averaged.element, classes.element);
  const four = createFourChoice();
  return {
    elements: [four.element, row],
    /** @param {import("../protocol/messages.js").ModelInfo} info @param {boolean} isOwn of the page's own nothing is left open */
    show(info, isOwn) {
      shown = info;
      four.element.hidden = info.channels !== 4;
      const isTaken = info.notes.includes(EMA_TAKEN);
      averaged.value = isTaken;
      averaged.element.hidden = !isTaken && !info.notes.includes(EMA_LEFT);
      classes.element.hidden = isOwn || info.classes.length === 0;
      row.hidden = averaged.element.hidden && classes.element.hidden;
    },
  };
}

/** How images of four channels are shown; no model says so. */
function createFourChoice() {
  const choice = createChoice({
    legend: "Four channels, shown as",
    choices: [
      {
        value: /** @type {import("../screen/paint.js").FourView} */ ("colours"),
        name: "colours over a checkerboard, with alpha",
      },
      ...[0, 1, 2, 3].map((channel) => ({
        value: channel,
        name: `channel ${channel + 1} in grey`,
      })),
    ],
    value: "colours",
    onChange: showFourAs,
  });
  choice.element.hidden = true;
  return choice;
}
