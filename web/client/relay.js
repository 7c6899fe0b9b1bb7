// Calls that outlive their worker: one that breaks down is replaced by a fresh one, and its calls are made again.

import { Breakdown } from "../protocol/breakdown.js";

/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("../protocol/calls.js").Calls} Calls */
/** @typedef {import("../protocol/calls.js").Method} Method */

/** How often a call may lose its worker, to the GPU or to an unknown cause, before it fails. */
const ATTEMPTS = 3;

/**
 * @typedef {object} Errand how a call is made
 * @property {AbortSignal | undefined} [signal] cancels the call
 * @property {(breakdown: Breakdown) => boolean} [mend] where this very call broke the worker: changes something, and returns whether the call is worth another try
 */

export class Relay {
  #open;
  /** @type {Promise<Connection> | null} */
  #current = null;

  /** @param {() => Promise<Connection>} open a fresh worker, ready for calls */
  constructor(open) {
    this.#open = open;
  }

  /**
   * From now on calls go to this worker; those made before it is ready wait for it.
   * @param {(before: Promise<Connection> | null) => Promise<Connection>} open
   * @returns {Promise<Connection>}
   */
  renew(open) {
    const opening = open(this.#current);
    const forget = () => {
      if (this.#current === opening) this.#current = null;
    };
    this.#current = opening;
    opening.then((connection) => connection.broken.then(forget), forget);
    return opening;
  }

  /**
   * Ends the worker once all that it was asked is answered; whoever asks next gets a fresh one.
   * @param {AbortSignal} [signal] aborted: it is kept after all
   */
  async release(signal) {
    const current = this.#current;
    const connection = await current?.catch(() => null);
    await connection?.idle();
    if (!connection || signal?.aborted || this.#current !== current) return;
    this.#current = null;
    connection.end();
  }

  /**
   * Runs an errand with the current worker or a fresh one, and again with the next if the worker breaks down and the
   * errand was not the cause.
   * @template T
   * @param {(connection: Connection) => Promise<T>} errand
   * @param {Errand} [how]
   * @returns {Promise<T>}
   */
  async run(errand, { signal, mend } = {}) {
    for (let lost = 0; ;) {
      signal?.throwIfAborted();
      const connection = await (this.#current ?? this.renew(this.#open));
      try {
        return await errand(connection);
      } catch (error) {
        if (signal?.aborted || !(error instanceof Breakdown)) throw error;
        const { kind, culprit } = error;
        if (kind === "lost" || culprit === "none") {
          if (++lost >= ATTEMPTS) throw error;
        } else if (culprit === "this") {
          if (mend?.(error) !== true) throw error;
        } else {
          // After the culprit, whose changes the next worker has to begin with.
          await new Promise((resolve) => setTimeout(resolve));
        }
      }
    }
  }

  /**
   * @template {Method} M
   * @param {M} method
   * @param {Calls[M]["params"]} params
   * @param {Errand} [how]
   * @returns {Promise<Calls[M]["result"]>}
   */
  call(method, params, how = {}) {
    return this.run((connection) => connection.call(method, params, how.signal), how);
  }
}
