// The page's real digits: 100 of MNIST's test set, 10 of each class, and the mean of the training set. As bytes:
// what is read back from a canvas, browsers that guard privacy alter.

import { sentence } from "../basics/sentence.js";
import { ownFile } from "../own-file.js";

/**
 * @typedef {object} Digits
 * @property {number} height
 * @property {number} width
 * @property {Float32Array[]} images [h, w] each, -1 background to 1 ink
 * @property {number[]} labels the class of each
 * @property {number[]} testIndices its number in MNIST's test set
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
    new Error(
      `The page's digits could not be fetched (web/digits/${name}: ${reason}). Check the connection and try again.`,
    );
  const response = await fetch(ownFile(`digits/${name}`)).catch((error) =>
    Promise.reject(failure(sentence(error))),
  );
  if (!response.ok) throw failure(`the server answered ${response.status}`);
  return response;
}

/** @returns {Promise<Digits>} */
async function fetchDigits() {
  const [about, mean, file] = await Promise.all([
    request("test-digits.json").then((response) => response.json()),
    request("train-mean.json").then((response) => response.json()),
    request("test-digits-idx3-ubyte.gz").then((response) => response.arrayBuffer()),
  ]);
  const { labels, test_indices: testIndices } = about;
  const { count, height, width, pixels } = readIdx(await gunzipIfNeeded(file).catch(damaged));
  const size = height * width;
  const images = Array.from({ length: count }, (_, i) =>
    Float32Array.from(pixels.subarray(i * size, (i + 1) * size), (byte) => byte / 127.5 - 1),
  );
  return { height, width, images, labels, testIndices, mean: Float32Array.from(mean.mean) };
}

/** A file as it was before gzip; some servers have unpacked it already. @param {ArrayBuffer} file */
async function gunzipIfNeeded(file) {
  const [first, second] = new Uint8Array(file);
  if (first !== 0x1f || second !== 0x8b) return file;
  const unpacked = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

/**
 * Images in MNIST's own format, IDX: a magic number, the sizes, then a byte for each pixel.
 * @param {ArrayBuffer} file
 */
function readIdx(file) {
  const header = new DataView(file);
  const IMAGES = 0x803;
  const [magic, count = 0, height = 0, width = 0] =
    file.byteLength < 16 ? [] : [0, 4, 8, 12].map((at) => header.getUint32(at));
  if (magic !== IMAGES || file.byteLength !== 16 + count * height * width) {
    return damaged();
  }
  return { count, height, width, pixels: new Uint8Array(file, 16) };
}

/** @returns {never} */
function damaged() {
  throw new Error(
    "The page's digits are damaged (web/digits/test-digits-idx3-ubyte.gz). Reload the page.",
  );
}
