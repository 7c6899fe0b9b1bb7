// An image file from the visitor: chosen with a button, or dropped, and read by the browser.

import { sentence } from "../basics/sentence.js";
import { freshId, h } from "../screen/dom.js";

/** @param {(file: File) => void} take */
export function createOpenImage(take) {
  const id = freshId("image");
  const input = h("input", { id, type: "file", accept: "image/*", class: "unseen" });
  input.addEventListener("change", () => {
    const [chosen] = input.files ?? [];
    input.value = "";
    if (chosen !== undefined) take(chosen);
  });
  return h(
    "span",
    { class: "file" },
    input,
    h("label", { for: id, class: "button" }, "Open an image"),
  );
}

/** Takes an image that is dropped onto an element. @param {HTMLElement} element @param {(file: File) => void} take */
export function takeDrops(element, take) {
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    const [dropped] = event.dataTransfer?.files ?? [];
    // What is no image may be a model, which the page takes.
    if (dropped === undefined || !dropped.type.startsWith("image/")) return;
    event.preventDefault();
    take(dropped);
  });
}

/** @param {Blob} file @returns {Promise<ImageBitmap>} fails with a sentence */
export function readImage(file) {
  return createImageBitmap(file).catch((error) => {
    throw new Error(`This browser cannot read the file as an image (${sentence(error)}).`);
  });
}
