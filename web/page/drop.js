// What is dropped anywhere on the page: a model, or a picture for the figure that is nearest.

import { element } from "../screen/dom.js";
import { otherModels, use } from "./later.js";
import { showNotice } from "./notices.js";

/** @param {DataTransfer} data @returns {(FileSystemEntry | File)[]} */
const entriesIn = ({ items }) =>
  [...items]
    .filter(({ kind }) => kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter((entry) => entry !== null);

/** @param {(given: Promise<import("../models/given.js").Given[]>) => void} open */
export function setUpDrop(open) {
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
      // While the event is handled: afterwards the browser forgets them.
      const entries = entriesIn(event.dataTransfer);
      open(otherModels().then(({ collect }) => collect(entries)));
      return;
    }
    const point = { x: event.clientX, y: event.clientY };
    use(otherModels, ({ takeNearest }) => {
      if (takeNearest(point, file)) return;
      showNotice(
        "No figure on the page takes an image yet. Scroll to “Bend it” and drop it there.",
      );
    });
  });
}
