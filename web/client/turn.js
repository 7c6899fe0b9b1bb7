// The embeds of one origin in a page take turns at having workers, so that many of them take little more memory than one.
//
// The turn is a lock of the browser's. Who has it keeps it until another embed asks for it, and then gives it away as soon as
// nothing has been computed for a moment: its workers end, and start again with its next turn. An embed that the visitor
// touches does not wait for a walk elsewhere to end; that walk goes on from its last step.
//
// The worker that learns ("Teach it") is let go of with the others while it learns nothing: at rest it has two thirds as much
// memory as all the rest of an embed. While it learns it keeps no turn: to stop it, keep what it has learned and begin again
// takes as long as a turn may.

import { ownFile } from "../own-file.js";
import { ALWAYS } from "./always.js";
import { quiet, wait } from "./busy.js";

/** Who has computed nothing for so many milliseconds gives the turn away. */
const QUIET = 500;

/** Who computes on and on gives it away so long after it was asked. */
const LONGEST = 5000;

/** @typedef {"taken" | "wanted" | "wanted at once"} Message what embeds say to each other */

/** @typedef {import("./always.js").Turn} Turn */

/**
 * The turns of an embed. Where the browser has no locks, or refuses a channel as it refuses storage, it is always its turn.
 * @param {() => Promise<unknown>} letGo ends all its workers once they have answered
 * @param {() => void} onWait called where its turn may have to be waited for
 * @returns {Turn}
 */
export function turnsOf(letGo, onWait) {
  try {
    return navigator.locks === undefined ? ALWAYS : new Turns(letGo, onWait);
  } catch {
    return ALWAYS;
  }
}

class Turns {
  #name = `walkback ${ownFile("").href}`;
  #channel = new BroadcastChannel(this.#name);
  #letGo;
  #onWait;
  /** Resolves when the turn that was asked for is there. @type {Promise<void> | null} */
  #coming = null;
  /** The turn; null where another embed may have it. @type {{ end: () => void, hurry: () => void, hurried: Promise<void>, wanted: boolean } | null} */
  #held = null;
  /** What was started last. @type {Promise<unknown>} */
  #started = Promise.resolve();
  /** Whether the visitor has touched this embed since its last turn began. */
  #touched = false;

  /** @param {() => Promise<unknown>} letGo @param {() => void} onWait */
  constructor(letGo, onWait) {
    this.#letGo = letGo;
    this.#onWait = onWait;
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
    for (const event of ["pointerdown", "keydown"]) {
      addEventListener(event, () => this.#touch(), { capture: true, passive: true });
    }
  }

  /** @type {Turn["start"]} */
  async start(start) {
    if (this.#held === null) {
      // Who has touched something sees that it waits.
      const arrived = this.#touched ? wait() : () => {};
      await (this.#coming ??= this.#queue()).finally(arrived);
    }
    const started = start();
    this.#started = started.catch(() => {});
    return started;
  }

  /** @returns {Promise<void>} */
  #queue() {
    this.#onWait();
    this.#ask();
    return new Promise((resolve) => {
      const lock = () =>
        new Promise((/** @type {(value: void) => void} */ end) => {
          this.#take(end);
          resolve();
        });
      // Locks are refused where storage is: then this embed asks no further.
      navigator.locks.request(this.#name, lock).catch(() => resolve());
    });
  }

  /** @param {() => void} end */
  #take(end) {
    let hurry = () => {};
    const hurried = new Promise((/** @type {(value: void) => void} */ resolve) => {
      hurry = resolve;
    });
    this.#held = { end, hurry, hurried, wanted: false };
    this.#coming = null;
    this.#touched = false;
    // Who still waits has asked the one before.
    this.#say("taken");
  }

  async #give() {
    const held = this.#held;
    if (held === null) return;
    await this.#started;
    const longest = new Promise((resolve) => setTimeout(resolve, LONGEST));
    await Promise.race([quiet(QUIET), longest, held.hurried]);
    // A worker that is asked for from here on waits for the next turn.
    this.#held = null;
    await this.#letGo();
    held.end();
  }

  #touch() {
    if (this.#touched) return;
    this.#touched = true;
    if (this.#coming !== null) this.#ask();
  }

  #ask() {
    this.#say(this.#touched ? "wanted at once" : "wanted");
  }

  /** @param {Message} message */
  #say(message) {
    this.#channel.postMessage(message);
  }

  /** @param {Message} message */
  #hear(message) {
    if (message === "taken") {
      if (this.#coming !== null) this.#ask();
      return;
    }
    if (this.#held === null) return;
    if (message === "wanted at once") this.#held.hurry();
    if (this.#held.wanted) return;
    this.#held.wanted = true;
    this.#give();
  }
}
