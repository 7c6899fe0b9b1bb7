// What the figures have to give away: each hands over the newest of what it keeps, and "Take it with you"
// makes files of it. Nothing is copied; what is handed over must not be changed afterwards, but by growing.

/**
 * @typedef {object} WalkKept the walk of the hero
 * @property {number} position steps taken where it stands
 * @property {Uint32Array} timesteps of the whole walk
 * @property {number[]} shape [1, channels, h, w]
 * @property {Float32Array} xt what is shown now
 * @property {readonly import("../../protocol/messages.js").Frame[]} frames all answers of the network so far
 * @property {Complete} complete offers it again as it grows
 */

/** Computes what is missing up to the end, whether or not anybody looks. @typedef {(signal: AbortSignal) => Promise<void>} Complete */

/**
 * @typedef {object} WallKept the wall, as bytes: a hundred walks of floats would be too many
 * @property {number[]} shape [count, channels, h, w]
 * @property {number} columns
 * @property {number} steps of the whole walk
 * @property {readonly Uint8ClampedArray[]} frames x_T first; 0 is -1 and 255 is 1
 * @property {Complete} complete offers it again as it grows
 */

/** @typedef {{ walk: WalkKept, wall: WallKept }} Kept */

export class History {
  /** @type {Partial<Kept>} */
  #kept = {};
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /**
   * @template {keyof Kept} K
   * @param {K} name
   * @param {Kept[K]} what
   */
  offer(name, what) {
    this.#kept[name] = what;
    for (const listener of this.#listeners) listener();
  }

  /** What there is to take now. @returns {Readonly<Partial<Kept>>} */
  get kept() {
    return this.#kept;
  }

  /** @param {() => void} listener called when there is something new @returns {() => void} ends it */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
