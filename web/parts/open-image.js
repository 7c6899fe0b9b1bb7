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

/** A picture is looked at with so many pixels at each side to see what it is drawn on. */
const GLANCE = 64;

/**
 * What a picture that is transparent in places is to be seen on: white for dark ink, black for light ink; null where nothing
 * shines through.
 * @param {ImageBitmap} picture
 */
export function groundOf(picture) {
  const canvas = h("canvas", { width: GLANCE, height: GLANCE });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  context.drawImage(picture, 0, 0, GLANCE, GLANCE);
  const { data } = context.getImageData(0, 0, GLANCE, GLANCE);
  let [ink, light, isOpen] = [0, 0, false];
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 255] = data.subarray(i, i + 4);
    isOpen ||= alpha < 255;
    ink += alpha;
    light += (alpha * (red + green + blue)) / 3;
  }
  if (!isOpen) return null;
  return light < 127.5 * ink ? "#fff" : "#000";
}

/** @param {Blob} file @returns {Promise<ImageBitmap>} fails with a sentence */
export function readImage(file) {
  return createImageBitmap(file).catch((error) => {
    throw new Error(`This browser cannot read the file as an image (${sentence(error)}).`);
  });
}
