// A button that opens an image file, and what the browser reads from one.

import { freshId, h } from "../dom.js";

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

/** @param {Blob} file @returns {Promise<ImageBitmap>} fails with a sentence */
export function readImage(file) {
  return createImageBitmap(file).catch(() => {
    throw new Error("This file is no image that the browser can read.");
  });
}
