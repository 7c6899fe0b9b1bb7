// Opening another model: files that are dropped anywhere on the page or chosen in a dialog, or one on the web, named there.

import { chosen, dropped } from "../models/given.js";
import { createButton } from "../parts/button.js";
import { takeNearest } from "../parts/open-image.js";
import { element, find, h } from "../screen/dom.js";
import { createNameField } from "./model-name.js";
import { showNotice } from "./notices.js";

/** @typedef {import("../models/given.js").Given} Given */

/**
 * @typedef {object} Ways to open a model
 * @property {(given: Promise<Given[]>) => void} files
 * @property {(name: string) => Promise<boolean>} named whether the visitor wants it; throws a sentence
 */

/** @param {Ways} open */
export function setUpOpener(open) {
  setUpDialog(open);
  setUpDrop(open.files);
}

/** @param {Ways} open */
function setUpDialog(open) {
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
  const button = element("model-open", HTMLButtonElement);
  button.addEventListener("click", () => dialog.showModal());
  // Where nothing can be computed it is not offered.
  button.hidden = false;
  element("open-model-close", HTMLButtonElement).addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

/** @param {(given: Promise<Given[]>) => void} open */
function setUpDrop(open) {
  const veil = element("drop-veil", HTMLElement);
  /** Files are over the page. A picture is for a drawing pad. @param {DragEvent} event */
  const isModel = ({ dataTransfer }) =>
    dataTransfer !== null &&
    dataTransfer.types.includes("Files") &&
    !(
      dataTransfer.items.length > 0 &&
      [...dataTransfer.items].every(({ type }) => type.startsWith("image/"))
    );
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files") !== true) return;
    // Otherwise the browser leaves the page for the file.
    event.preventDefault();
    if (isModel(event)) veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    // Between two elements of the page there is always another one to go to.
    if (event.relatedTarget === null) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (event.defaultPrevented || event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (isModel(event) || file === undefined) {
      open(dropped(event.dataTransfer));
      return;
    }
    if (!takeNearest({ x: event.clientX, y: event.clientY }, file)) {
      showNotice(
        "No figure on the page takes an image yet. Scroll to “Bend it” and drop it there.",
      );
    }
  });
}
