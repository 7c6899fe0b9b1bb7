// A walk to an image that several figures wait for: it stands still while nobody looks at any of them, and is
// ended when none waits any more.

import { createGate } from "../basics/gate.js";

/** @typedef {object} Waiting who waits: any object of their own */

export class SharedWalk {
  #gate = createGate();
  #ending = new AbortController();
  /** Who waits, and whether they rest. @type {Map<Waiting, boolean>} */
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

  /** Whether nothing comes of it any more. */
  get isOver() {
    return this.#ending.signal.aborted && !this.#arrived;
  }

  /** @param {Waiting} who @param {boolean} resting whether nobody looks at them */
  wait(who, resting) {
    this.#waiting.set(who, resting);
    this.#gate.rest([...this.#waiting.values()].every(Boolean));
  }

  /** @param {Waiting} who waits no more */
  leave(who) {
    if (!this.#waiting.delete(who)) return;
    if (this.#waiting.size === 0) this.#ending.abort();
    else this.#gate.rest([...this.#waiting.values()].every(Boolean));
  }
}
