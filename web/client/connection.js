// A worker and its calls, which can be cancelled. When a worker breaks down, all of its calls fail; relay.js starts
// another worker.

import { sentence } from "../basics/sentence.js";
import { ownFile } from "../own-file.js";
import { Breakdown } from "../protocol/breakdown.js";
import { wait } from "./busy.js";

/** @typedef {import("../protocol/breakdown.js").BreakdownReport} BreakdownReport */
/** @typedef {import("../protocol/calls.js").Calls} Calls */
/** @typedef {import("../protocol/calls.js").Method} Method */
/** @typedef {import("../protocol/messages.js").Reply} Reply */

/**
 * @typedef {object} Pending
 * @property {Method} method
 * @property {(result: any) => void} resolve
 * @property {(error: unknown) => void} reject
 */

export class Connection {
  #worker;
  #last = 0;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {BreakdownReport | null} */
  #broken = null;
  /** Whoever waits until nothing is computed. @type {Set<() => void>} */
  #waiting = new Set();
  /** Whether it was ended, as against broken down. */
  #ended = false;
  /** What a load is doing; null: nothing is being loaded. @type {import("../protocol/messages.js").Progress | null} */
  #loading = null;
  /** @type {(report: BreakdownReport | null) => void} */
  #resolveBroken = () => {};
  /** The worker's end: how it broke down, or null if it was ended. @type {Promise<BreakdownReport | null>} */
  broken = new Promise((resolve) => (this.#resolveBroken = resolve));

  /**
   * @param {(progress: import("../protocol/messages.js").Progress) => void} onProgress
   * @param {(share: number) => void} [onShare] told from time to time how much of an evaluation is done
   */
  constructor(onProgress, onShare = () => {}) {
    let knowsModules = false;
    this.#worker = new Worker(ownFile("worker.js"), {
      // Read only by a browser that has module workers.
      get type() {
        knowsModules = true;
        return /** @type {const} */ ("module");
      },
    });
    this.#worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => {
      if ("progress" in data) {
        this.#loading = data.progress;
        onProgress(data.progress);
        return;
      }
      if ("share" in data) {
        onShare(data.share);
        // The check at start is an evaluation, and a large network takes its time for it.
        if (this.#loading !== null) onProgress(this.#loading);
        return;
      }
      if ("broken" in data) {
        this.#breakDown(data.broken);
        return;
      }
      const call = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ("error" in data) call?.reject(new Error(data.error));
      else call?.resolve(data.result);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      // What goes wrong in a worker that runs, it says itself.
      const { message = "" } = event;
      // A script that cannot be loaded has no message.
      const why = !knowsModules
        ? "this browser does not support module workers"
        : message === ""
          ? "its script could not be loaded; reload the page"
          : `${message}; reload the page`;
      const reason = `The worker could not be started: ${why}.`;
      this.#breakDown({ kind: "start", reason, call: null });
    });
  }

  /**
   * @template {Method} M
   * @param {M} method
   * @param {Calls[M]["params"]} params
   * @param {AbortSignal} [signal] aborted: the call fails with the signal's reason at once, and is not computed if its turn has not come
   * @returns {Promise<Calls[M]["result"]>} rejected with a Breakdown where the worker ended before it answered
   */
  call(method, params, signal) {
    if (this.#broken !== null) {
      const { kind, reason } = this.#broken;
      return Promise.reject(new Breakdown(kind, reason, method, "none"));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#last;
    const cancel = () => this.#cancel(id, signal?.reason);
    /** @type {Promise<Calls[M]["result"]>} */
    const answer = new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject });
      signal?.addEventListener("abort", cancel);
      try {
        this.#worker.postMessage({ id, method, params });
      } catch (error) {
        this.#pending.delete(id);
        reject(new Error(sentence(error)));
      }
    });
    // A load reports its progress by itself.
    const answered = method === "load" ? () => (this.#loading = null) : wait();
    return answer.finally(() => {
      answered();
      // A signal may outlive many calls: those of a walk have one for all its steps.
      signal?.removeEventListener("abort", cancel);
      if (this.#pending.size > 0) return;
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    });
  }

  /** Resolves when no answer is awaited. @returns {Promise<void>} */
  async idle() {
    while (this.#pending.size > 0) {
      await new Promise((/** @type {(value: void) => void} */ resolve) =>
        this.#waiting.add(resolve),
      );
    }
  }

  get isEnded() {
    return this.#ended;
  }

  /** Ends the worker, whatever it is doing. */
  end() {
    this.#ended = true;
    this.#resolveBroken(null);
    this.#breakDown({ kind: "trap", reason: "it was stopped", call: null });
  }

  /** @param {number} id @param {unknown} reason */
  #cancel(id, reason) {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    this.#worker.postMessage({ cancel: id });
    call.reject(reason);
  }

  /** @param {BreakdownReport} report */
  #breakDown(report) {
    if (this.#broken !== null) return;
    this.#broken = report;
    // A read that a lost GPU never answers would keep it alive.
    this.#worker.terminate();
    this.#resolveBroken(report);
    const { kind, reason, call } = report;
    for (const [id, { method, reject }] of this.#pending) {
      const culprit = call === null ? "none" : call === id ? "this" : "another";
      reject(new Breakdown(kind, reason, method, culprit));
    }
    this.#pending.clear();
  }
}
