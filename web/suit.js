// What suits the loaded model and the device that computes it.

import { h } from "./dom.js";

/** @typedef {import("./protocol.js").Loaded} Loaded */

/**
 * One of three numbers, by how fast the network answers.
 * @param {Loaded} loaded
 * @param {{ gpu: number, cpu: number, software: number }} choices software: a GPU imitated on the CPU, where a step takes seconds
 */
export function perDevice({ info, software }, { gpu, cpu, software: imitated }) {
  if (info.device === "cpu") return cpu;
  return software ? imitated : gpu;
}

/**
 * Whether the model's images are of the shape of the page's digits.
 * @param {number[]} shape [1, channels, h, w]
 * @param {import("./digits.js").Digits} digits
 */
export function digitsFit([, channels, height, width], digits) {
  return channels === 1 && height === digits.height && width === digits.width;
}

/**
 * In place of a figure that begins with a digit.
 * @param {number[]} shape of the model's images
 */
export function noDigits([, channels, height, width]) {
  return h(
    "p",
    { class: "notice" },
    `This figure begins with a handwritten digit, and this model makes images of ${height} × ${width} pixels in ${channels === 1 ? "grey" : `${channels} channels`}.`,
  );
}

/**
 * The model's label for a digit; undefined where its classes are not the digits.
 * @param {import("./protocol.js").ModelInfo} info
 * @param {number} digit
 */
export function labelOfDigit({ classes }, digit) {
  const label = classes.indexOf(String(digit));
  return label < 0 ? undefined : label;
}
