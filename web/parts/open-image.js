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

/** What takes images. @type {Map<HTMLElement, (file: File) => void>} */
const takers = new Map();

/** How far a point is from a box, in pixels. @param {{ x: number, y: number }} point @param {DOMRect} box */
const away = ({ x, y }, { left, right, top, bottom }) =>
  Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));

/**
 * Gives an image that was dropped beside all of them to the nearest element that takes one.
 * @param {{ x: number, y: number }} point of the window
 * @param {File} file
 * @returns {boolean} whether there is any
 */
export function takeNearest(point, file) {
  for (const element of takers.keys()) if (!element.isConnected) takers.delete(element);
  const [nearest] = [...takers]
    .filter(([element]) => element.checkVisibility())
    .map(([element, take]) => ({
      element,
      take,
      far: away(point, element.getBoundingClientRect()),
    }))
    .sort((one, other) => one.far - other.far);
  if (nearest === undefined) return false;
  nearest.element.scrollIntoView({ block: "nearest" });
  nearest.take(file);
  return true;
}

/** Takes an image that is dropped onto an element, or nearer to it than to others. @param {HTMLElement} element @param {(file: File) => void} take */
export function takeDrops(element, take) {
  takers.set(element, take);
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    const [dropped] = event.dataTransfer?.files ?? [];
    // What is no image may be a model, which the page takes.
    if (dropped === undefined || !dropped.type.startsWith("image/")) return;
    if (event.defaultPrevented) return;
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
