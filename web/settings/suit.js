// What suits the loaded model and the device that computes it.

import { nearest, stepChoices } from "./list.js";

/** @typedef {import("../protocol/messages.js").Loaded} Loaded */

/** Parameters times pixels, to which the work of a convolution is about proportional; MNIST's model has 2e9. */
const DEMANDING = 1e10;

/** A GPU is slow if a step takes at least this many milliseconds, whatever its name. */
const SLOW_STEP = 500;

/**
 * Whether a step takes seconds: a GPU imitated on the CPU, or a large network on the CPU itself.
 * @param {Loaded} loaded
 */
export function isSlow({ info, software, stepTimes }) {
  const [height, width] = info.imageSize;
  return info.device === "cpu"
    ? info.parameters * height * width > DEMANDING
    : software || (stepTimes.webgpu ?? 0) > SLOW_STEP;
}

/**
 * One of three numbers, by how fast the network answers.
 * @param {Loaded} loaded
 * @param {{ gpu: number, cpu: number, software: number }} choices software: where a step takes seconds
 */
export function perDevice(loaded, { gpu, cpu, software }) {
  if (isSlow(loaded)) return software;
  return loaded.info.device === "cpu" ? cpu : gpu;
}

/**
 * The number of steps that suits, of those that the model can take.
 * @param {Loaded} loaded
 * @param {{ gpu: number, cpu: number, software: number }} wishes
 */
export function suitableSteps(loaded, wishes) {
  return nearest(stepChoices(loaded.info.trainTimesteps), perDevice(loaded, wishes));
}

/**
 * The classes that a model can be asked for, each with its label. A null label that stands between them is none.
 * @param {import("../protocol/messages.js").ModelInfo} info
 */
export const classesOf = ({ classes, nullLabel }) =>
  classes.flatMap((name, label) => (label === nullLabel ? [] : [{ label, name }]));

/** Whether a model's classes are digits. @param {import("../protocol/messages.js").ModelInfo} info */
export function ofDigits({ classes }) {
  return classes.length > 0 && classes.every((name) => /^\d$/.test(name));
}

/**
 * Whether the model's images are of the shape of the page's digits.
 * @param {number[]} shape [1, channels, h, w]
 * @param {import("../client/digits.js").Digits} digits
 */
export function digitsFit([, channels, height, width], digits) {
  return channels === 1 && height === digits.height && width === digits.width;
}

/** @param {number} channels */
export const inColour = (channels) =>
  ({ 1: "in grey", 3: "in colour" })[channels] ?? `in ${channels} channels`;

/**
 * Whether the model can be given the label of the digit that a figure begins with, or no label.
 * @param {import("../protocol/messages.js").ModelInfo} info
 * @param {number[]} shape of the model's images
 * @param {import("../client/digits.js").Digits} digits
 */
export const canBeTold = (info, shape, digits) =>
  info.nullLabel !== null && digitsFit(shape, digits) && labelOfDigit(info, 0) !== undefined;

/**
 * The model's label for a digit; undefined where its classes are not the digits.
 * @param {import("../protocol/messages.js").ModelInfo} info
 * @param {number | null} digit null: the image is no digit
 */
export function labelOfDigit({ classes }, digit) {
  const label = digit === null ? -1 : classes.indexOf(String(digit));
  return label < 0 ? undefined : label;
}

/**
 * The label that asks the model for a digit; null: any, or the model knows no classes.
 * @param {import("../protocol/messages.js").ModelInfo} info
 * @param {number | null} digit null: the image is no digit
 */
export function labelFor(info, digit) {
  const label = labelOfDigit(info, digit);
  if (label !== undefined) return label;
  // A model without the label "any" must be given some class.
  return info.classes.length === 0 || info.nullLabel !== null ? null : 0;
}
