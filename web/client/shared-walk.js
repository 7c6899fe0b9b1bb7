// A walk to an image that several figures wait for: it pauses while all of them are out of sight, and ends when no
// figure waits for it.

import { createGate } from "../basics/gate.js";

/** @typedef {object} Waiting a figure that waits: any object of its own */

export class SharedWalk {
  #gate = createGate();
  #ending = new AbortController();
  /** The figures that wait, and whether they rest. @type {Map<Waiting, boolean>} */
  #waiting = new Map();
  #arrived = false;
  /** null if it was ended before it arrived. @type {Promise<Float32Array | null>} */
  image;

  /** @param {(signal: AbortSignal, gate: import("../basics/gate.js").Gate) => Promise<Float32Array | null>} walk */
  constructor(walk) {
    this.image = walk(this.#ending.signal, this.#gate);
    this.image.then(
      (image) => (this.#arrived = image !== null),
      () => {},
    );
  }

  /** Whether it was ended before it arrived. */
  get isOver() {
    return this.#ending.signal.aborted && !this.#arrived;
  }

  /** @param {Waiting} who @param {boolean} resting whether it is out of sight */
  wait(who, resting) {
    this.#waiting.set(who, resting);
    this.#gate.rest([...this.#waiting.values()].every(Boolean));
  }

  /** @param {Waiting} who no longer waits */
  leave(who) {
    if (!this.#waiting.delete(who)) return;
    if (this.#waiting.size === 0) this.#ending.abort();
    else this.#gate.rest([...this.#waiting.values()].every(Boolean));
  }
}
