// The dialog that opens another model: files that are chosen in it, or one on the web, named there.

import { chosen } from "../models/given.js";
import { createButton } from "../parts/button.js";
import { element, find, h } from "../screen/dom.js";
import { createNameField } from "./model-name.js";

/** @typedef {import("../models/given.js").Given} Given */

/**
 * @typedef {object} Ways to open a model
 * @property {(given: Promise<Given[]>) => void} files
 * @property {(name: string) => Promise<boolean>} named whether the visitor wants it; throws a sentence
 */

/**
 * Fills the dialog.
 * @param {Ways} open
 * @returns {HTMLDialogElement} closed
 */
export function setUpDialog(open) {
  const dialog = element("open-model", HTMLDialogElement);
  /**
   * @param {string} name
   * @param {Record<string, string | boolean>} attributes
   * @param {(files: FileList) => void} [take] at what was chosen
   */
  const chooser = (name, attributes, take) => {
    const input = h("input", { type: "file", hidden: true, ...attributes });
    input.addEventListener("change", () => {
      const { files } = input;
      if (files === null || files.length === 0) return;
      take?.(files);
      dialog.close();
      // The list is emptied with the input, so it is read first.
      open.files(Promise.resolve(files).then(chosen));
    });
    const button = createButton({
      name,
      onPress: () => {
        input.value = "";
        input.click();
      },
    });
    return h("span", {}, button.element, input);
  };
  const folder = chooser("Choose a folder", { webkitdirectory: true }, (files) => {
    // Some mobile browsers know the attribute, and let files be chosen all the same.
    if ([...files].every(({ webkitRelativePath }) => webkitRelativePath === "")) noFolders();
  });
  const choosers = find(dialog, ".choosers", HTMLElement);
  choosers.append(folder, chooser("Choose files or a zip", { multiple: true }));
  const noFolders = () => {
    folder.remove();
    choosers.after(
      h(
        "p",
        { class: "notice" },
        "This browser cannot choose a folder. Choose all files of the model together, or a zip of it.",
      ),
    );
  };
  if (!("webkitdirectory" in HTMLInputElement.prototype)) noFolders();
  dialog.append(createNameField(open.named, () => dialog.close()).element);
  element("open-model-close", HTMLButtonElement).addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
