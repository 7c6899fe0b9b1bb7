// What the best possible answers say about a network, in words.

import { powerOfTen, significant } from "../../basics/numbers.js";
import { FLOOR } from "./optimum.js";

/** @param {number} count */
export const many = (count) => count.toLocaleString("en");

/** An error as people read it; the least ones are all the same. @param {number} value */
export const errorInWords = (value) =>
  value < FLOOR ? `below ${powerOfTen(FLOOR)}` : significant(value);

/**
 * A curve of the best possible answers: how far nothing is left of its error, where it is largest, and where it ends.
 * @param {string} name
 * @param {ArrayLike<number>} timesteps ascending
 * @param {ArrayLike<number>} values
 */
export function bestInWords(name, timesteps, values) {
  const list = Array.from(values);
  const first = list.findIndex((value) => value >= FLOOR);
  const most = list.reduce((at, value, i) => (value > (list[at] ?? 0) ? i : at), 0);
  const before = first > 0 ? `below ${powerOfTen(FLOOR)} to t = ${timesteps[first - 1]}, ` : "";
  const at = (/** @type {number} */ i) => `${errorInWords(list[i] ?? 0)} at t = ${timesteps[i]}`;
  return `${name}: ${before}at most ${at(most)}, ${at(list.length - 1)}`;
}
