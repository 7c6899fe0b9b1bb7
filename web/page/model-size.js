// The size of images, where a model does not say it.

import { createButton } from "../parts/button.js";
import { freshId, h } from "../screen/dom.js";

/** What most small models draw. */
const USUAL = 32;
/** Far more than a page can compute. */
const LARGEST = 1024;

/** @returns {Promise<[number, number] | null>} height and width; null: none is given */
export function askSize() {
  const id = freshId("size");
  /** @param {string} name */
  const side = (name) =>
    h("input", {
      id: `${id}-${name}`,
      type: "number",
      min: 1,
      max: LARGEST,
      value: USUAL,
      required: true,
    });
  const [height, width] = [side("height"), side("width")];
  const yes = h("button", { type: "submit", class: "primary" }, "Open it");
  const form = h(
    "form",
    { method: "dialog" },
    h(
      "div",
      { class: "row" },
      h("label", { for: height.id }, "Height"),
      height,
      h("label", { for: width.id }, "Width"),
      width,
    ),
  );
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": id, "aria-describedby": `${id}-why` },
    h("h2", { id }, "How large are its images?"),
    h(
      "p",
      { id: `${id}-why` },
      "This model does not say, because its network takes images of many sizes. Enter the size of its training images, in pixels:",
    ),
    form,
  );
  return new Promise((resolve) => {
    const no = createButton({ name: "Cancel", onPress: () => dialog.close() });
    form.append(h("div", { class: "row" }, yes, no.element));
    yes.value = "yes";
    dialog.addEventListener("close", () => {
      dialog.remove();
      const size = /** @type {[number, number]} */ (
        [height, width].map((input) => input.valueAsNumber)
      );
      resolve(dialog.returnValue === "yes" ? size : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    height.focus();
  });
}
