// One label for many images, as an evaluation of the network wants it.

/**
 * @param {import("../../protocol/messages.js").ModelInfo} info
 * @param {number | null} label
 * @param {number} count
 * @returns {{ labels?: Uint32Array }} nothing for an unconditional model
 */
export function labelsFor({ classes, nullLabel }, label, count) {
  const each = label ?? nullLabel;
  if (classes.length === 0 || each === null) return {};
  return { labels: new Uint32Array(count).fill(each) };
}
