// What can be chosen of a model that its files leave open: which of two sets of weights, class names, the label for none.

import { EMA_LEFT, EMA_TAKEN } from "../models/layout.js";
import { createButton } from "../parts/button.js";
import { createSwitch } from "../parts/switch.js";
import { h } from "../screen/dom.js";
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
  const element = h("div", { class: "row", hidden: true }, averaged.element, classes.element);
  return {
    element,
    /** @param {import("../protocol/messages.js").ModelInfo} info @param {boolean} isOwn of the page's own nothing is left open */
    show(info, isOwn) {
      shown = info;
      const isTaken = info.notes.includes(EMA_TAKEN);
      averaged.value = isTaken;
      averaged.element.hidden = !isTaken && !info.notes.includes(EMA_LEFT);
      classes.element.hidden = isOwn || info.classes.length === 0;
      element.hidden = averaged.element.hidden && classes.element.hidden;
    },
  };
}
