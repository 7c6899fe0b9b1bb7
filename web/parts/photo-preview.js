// Shows what a photo becomes, before it is used.

import { h } from "../screen/dom.js";
import { paint, valuesOf } from "../screen/paint.js";
import { createButton } from "./button.js";

/** @param {[number, number]} imageSize height, width */
export function createPhotoPreview([height, width]) {
  const canvas = h("canvas", { role: "img", "aria-label": "The photo as a digit" });
  /** @type {{ use: () => void, whole: () => void } | null} */
  let actions = null;
  /** @param {"use" | "whole" | null} choice */
  const close = (choice) => {
    const chosen = actions;
    actions = null;
    element.hidden = true;
    if (choice !== null) chosen?.[choice]();
  };
  const use = createButton({ name: "Use it", primary: true, onPress: () => close("use") });
  const whole = createButton({ name: "Use all of the picture", onPress: () => close("whole") });
  const cancel = createButton({ name: "Cancel", onPress: () => close(null) });
  const element = h(
    "div",
    { class: "photo-preview", role: "group", "aria-label": "Photo", hidden: true },
    canvas,
    h(
      "div",
      {},
      h("p", { role: "status" }, "Ink on paper: cropped, and centred as MNIST’s digits are."),
      h("div", { class: "row" }, use.element, whole.element, cancel.element),
    ),
  );
  return {
    element,
    /**
     * @param {Uint8ClampedArray} pixels [height, width]
     * @param {{ use: () => void, whole: () => void }} then
     */
    show(pixels, then) {
      paint(canvas, valuesOf(pixels), [1, 1, height, width]);
      actions = then;
      element.hidden = false;
      use.element.focus({ preventScroll: true });
      element.scrollIntoView({ block: "nearest" });
    },
    /** Something else is on the pad now. */
    close: () => close(null),
  };
}
