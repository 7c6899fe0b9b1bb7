// All of learning as one run of bytes: what is known of it as JSON, the examples, and what the crate needs to continue.

/** @typedef {import("../protocol/learning.js").Learning} Learning */
/** @typedef {import("../protocol/learning.js").HowToLearn} HowToLearn */
/** @typedef {{ learning: Learning | null, how: HowToLearn, rehearses: boolean, examples: Float32Array, shape: number[] }} About */

const COUNT = 4;

/**
 * @param {About} about
 * @param {Uint8Array} learner
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function pack({ examples, ...rest }, learner) {
  const json = new TextEncoder().encode(JSON.stringify({ ...rest, values: examples.length }));
  const bytes = new Uint8Array(COUNT + json.length + examples.byteLength + learner.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, COUNT);
  const images = new Uint8Array(examples.buffer, examples.byteOffset, examples.byteLength);
  bytes.set(images, COUNT + json.length);
  bytes.set(learner, COUNT + json.length + images.length);
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {{ about: About, learner: Uint8Array } | null} null where it is none of ours
 */
export function unpack(bytes) {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const json = new TextDecoder().decode(bytes.subarray(COUNT, COUNT + length));
    const { values, ...rest } = JSON.parse(json);
    const at = COUNT + length;
    const learner = bytes.subarray(at + 4 * values);
    // Copied to where floats may lie.
    const examples = new Float32Array(bytes.slice(at, at + 4 * values).buffer);
    if (examples.length !== values) return null;
    return { about: { ...rest, examples }, learner };
  } catch {
    return null;
  }
}
