// More workers with the model beside the engine's own, where many pieces of work wait for the CPU. Each has the weights
// for itself, so that no memory is shared. They start when there is such work, and end when there has been none for a
// while. Whatever happens to them, the engine's own worker does what is left.

import { Breakdown } from "../protocol/breakdown.js";
import { Connection } from "./connection.js";

/** The most workers that compute at once, the engine's own included. */
const MOST = 4;

/** The share of the device's memory that the weights of these workers may take. */
const SHARE = 1 / 32;

/** What a device has where the browser does not say, in GiB. */
const USUAL_MEMORY = 4;

/** How long they wait for more work, in milliseconds. */
const IDLE = 2000;

/** @typedef {Connection | null} Hand a worker that does a piece of work; null: the engine's own */

/**
 * @template P
 * @typedef {object} Sharing how pieces of work are done
 * @property {(piece: P, hand: Hand) => Promise<void>} work one piece; it is done again by another where the worker broke down
 * @property {() => Promise<void>} ready awaited before each piece
 * @property {AbortSignal} signal aborted: no further piece is begun
 */

/**
 * How many workers a model is worth here beside the first.
 * @param {import("../protocol/messages.js").ModelInfo} info
 */
export function roomFor({ device, parameters }) {
  if (device !== "cpu") return 0;
  // Chromium alone says it, and only roughly.
  const { deviceMemory = USUAL_MEMORY } = /** @type {{ deviceMemory?: number }} */ (navigator);
  const copies = Math.floor((deviceMemory * 2 ** 30 * SHARE) / (4 * parameters));
  return Math.min(MOST - 1, navigator.hardwareConcurrency - 1, copies);
}

export class Crew {
  #load;
  /** How many there may be. */
  #room = 0;
  /** Whether each has the model. @type {Map<Connection, Promise<boolean>>} */
  #members = new Map();
  #ready = 0;
  /** Pieces that are being worked on, by whomever. */
  #busy = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(connection: Connection) => Promise<unknown>} load has a worker load the model */
  constructor(load) {
    this.#load = load;
  }

  /** How many workers have the model, the engine's own included. */
  get size() {
    return 1 + this.#ready;
  }

  /** Ends them all; from now on they share this model. @param {import("../protocol/messages.js").ModelInfo | null} model null: none */
  renew(model) {
    this.#room = model === null ? 0 : roomFor(model);
    this.dismiss();
  }

  /** Ends them all, whatever they are doing. */
  dismiss() {
    clearTimeout(this.#timer);
    for (const connection of this.#members.keys()) connection.end();
  }

  /**
   * Does all pieces, each on whichever worker is free next.
   * @template {object} P
   * @param {readonly P[]} pieces
   * @param {Sharing<P>} how
   * @returns {Promise<void>} rejected with the first error that is not about one of these workers
   */
  async share(pieces, { work, ready, signal }) {
    const left = [...pieces];
    /** @type {unknown[]} */
    const errors = [];
    /** @param {Hand} hand @param {P} piece */
    const attempt = async (hand, piece) => {
      this.#begin();
      try {
        await work(piece, hand);
        return true;
      } catch (error) {
        if (hand !== null && error instanceof Breakdown) {
          left.unshift(piece);
        } else {
          errors.push(error);
          left.length = 0;
        }
        return false;
      } finally {
        this.#end();
      }
    };
    /** @param {Hand} hand */
    const serve = async (hand) => {
      while (left.length > 0) {
        await ready();
        if (signal.aborted) return;
        // Those that were there may have ended while this waited.
        if (hand === null) enlist();
        const piece = left.shift();
        if (piece === undefined || !(await attempt(hand, piece))) return;
      }
    };
    /** @type {Set<Promise<void>>} */
    const serving = new Set();
    /** @param {Hand} hand */
    const join = (hand) => {
      const service = serve(hand).finally(() => serving.delete(service));
      serving.add(service);
    };

    /** @type {Set<Connection>} */
    const enlisted = new Set();
    const enlist = () => {
      for (const [connection, loaded] of this.#enlist(left.length - 1)) {
        if (enlisted.has(connection)) continue;
        enlisted.add(connection);
        loaded.then((hasModel) => hasModel && join(connection));
      }
    };

    join(null);
    while (serving.size > 0) {
      await Promise.race(serving);
      // What a worker left behind that broke down.
      if (serving.size === 0 && left.length > 0 && !signal.aborted) join(null);
    }
    if (errors.length > 0) throw errors[0];
  }

  /** The workers there are, so many if there may be. @param {number} wanted */
  #enlist(wanted) {
    while (this.#members.size < Math.min(wanted, this.#room)) this.#hire();
    return this.#members;
  }

  #hire() {
    const connection = new Connection(() => {});
    let counted = false;
    const loaded = this.#load(connection).then(
      () => {
        if (connection.isEnded) return false;
        counted = true;
        this.#ready += 1;
        if (this.#busy === 0) this.#wait();
        return true;
      },
      () => {
        // One that was ended did not fail.
        if (!connection.isEnded) this.#room = 0;
        connection.end();
        return false;
      },
    );
    this.#members.set(connection, loaded);
    connection.broken.then((report) => {
      this.#members.delete(connection);
      if (counted) this.#ready -= 1;
      // Where one broke down, another would: the engine's own worker continues alone.
      if (report !== null) this.#room = 0;
    });
  }

  #begin() {
    clearTimeout(this.#timer);
    this.#busy += 1;
  }

  #end() {
    this.#busy -= 1;
    if (this.#busy === 0) this.#wait();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#members.size > 0) this.#timer = setTimeout(() => this.dismiss(), IDLE);
  }
}
