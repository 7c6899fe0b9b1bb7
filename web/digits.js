// The page's real digits: 100 of MNIST's test set, 10 of each class, and the mean of the training set.

import { place } from "./places.js";
import { sentence } from "./sentence.js";

/**
 * @typedef {object} Digits
 * @property {number} height
 * @property {number} width
 * @property {Float32Array[]} images [h, w] each, -1 background to 1 ink
 * @property {number[]} labels the class of each
 * @property {number[]} testIndices its place in MNIST's test set
 * @property {Float32Array} mean [h, w], of all training digits
 */

/** @type {Promise<Digits> | null} */
let loading = null;

/** @returns {Promise<Digits>} fetched once */
export function loadDigits() {
  if (loading === null) {
    loading = fetchDigits();
    loading.catch(() => (loading = null));
  }
  return loading;
}

/** @param {string} name */
async function request(name) {
  /** @param {string} reason */
  const failure = (reason) =>
    new Error(`The page's digits could not be fetched (web/digits/${name}: ${reason}).`);
  const response = await fetch(place(`digits/${name}`)).catch((error) =>
    Promise.reject(failure(sentence(error))),
  );
  if (!response.ok) throw failure(`the server answered ${response.status}`);
  return response;
}

/** @returns {Promise<Digits>} */
async function fetchDigits() {
  const [about, mean, picture] = await Promise.all([
    request("test-digits.json").then((response) => response.json()),
    request("train-mean.json").then((response) => response.json()),
    request("test-digits.png").then((response) => response.blob()),
  ]);
  const { height, width, columns, labels, test_indices: testIndices } = about;
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser gives no canvas to read the digits with.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const images = labels.map((/** @type {number} */ _, /** @type {number} */ i) => {
    const column = i % columns;
    const row = Math.floor(i / columns);
    const { data } = context.getImageData(column * width, row * height, width, height);
    return Float32Array.from({ length: width * height }, (_, p) => (data[4 * p] ?? 0) / 127.5 - 1);
  });
  return { height, width, images, labels, testIndices, mean: Float32Array.from(mean.mean) };
}
