// Names for the classes of a model, pasted one a line, and the label that stands for none.

import { createButton } from "../parts/button.js";
import { freshId, h } from "../screen/dom.js";

/**
 * Asks for them.
 * @param {import("../protocol/messages.js").ModelInfo} info
 * @returns {Promise<string | null>} labels.json; null: nothing shall change
 */
export function askLabels({ classes, nullLabel }) {
  const id = freshId("labels");
  const names = h("textarea", { id: `${id}-names`, rows: 10, spellcheck: "false" });
  names.value = classes.join("\n");
  const count = Math.max(classes.length, (nullLabel ?? -1) + 1);
  const none = h(
    "select",
    { id: `${id}-none` },
    h("option", { value: "" }, "none of them"),
    ...Array.from({ length: count }, (_, label) => h("option", { value: label }, String(label))),
  );
  none.value = nullLabel === null ? "" : String(nullLabel);
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": id },
    h("h2", { id }, "Name the classes"),
    h("label", { for: names.id }, "Names, one on each line, starting with label 0"),
    names,
    h("label", { for: none.id }, "The label that stands for no class, which guidance needs"),
    none,
  );
  return new Promise((resolve) => {
    const yes = createButton({
      name: "Use these",
      primary: true,
      onPress: () => dialog.close("yes"),
    });
    const no = createButton({ name: "Cancel", onPress: () => dialog.close() });
    dialog.append(h("div", { class: "row" }, yes.element, no.element));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? written(names.value, none.value, count) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    names.focus();
  });
}

/**
 * @param {string} text a name on each line
 * @param {string} none the label for none, or nothing
 * @param {number} count of labels
 */
function written(text, none, count) {
  const lines = text.split("\n").map((line) => line.trim());
  while (lines.at(-1) === "") lines.pop();
  const nullLabel = none === "" ? undefined : Number(none);
  // Nobody asks for a class that is none.
  const most = nullLabel === count - 1 ? count - 1 : count;
  const names = Array.from({ length: most }, (_, label) => lines[label] || String(label));
  return JSON.stringify({ names, null: nullLabel });
}
