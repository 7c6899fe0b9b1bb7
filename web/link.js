// A worker and what is awaited from it: calls with answers, which can be taken back.

import { sentence } from "./sentence.js";

/** @typedef {import("./protocol.js").Calls} Calls */
/** @typedef {import("./protocol.js").Method} Method */
/** @typedef {import("./protocol.js").Reply} Reply */

export class Link {
  #worker;
  #last = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();
  /** @type {Error | null} */
  #broken = null;

  /** @param {(progress: import("./protocol.js").Progress) => void} onProgress */
  constructor(onProgress) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => {
      if ("progress" in data) {
        onProgress(data.progress);
        return;
      }
      const call = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ("error" in data) call?.reject(new Error(data.error));
      else call?.resolve(data.result);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#breakDown(
        event.message === undefined || event.message === ""
          ? "The worker that computes could not be started: its script failed to load, or this browser has no module workers."
          : `The worker that computes has stopped (${event.message}). Reload the page.`,
      );
    });
  }

  /**
   * @template {Method} M
   * @param {M} method
   * @param {Calls[M]["params"]} params
   * @param {AbortSignal} [signal] aborted: the call fails with the signal's reason at once, and is not computed if its turn has not come
   * @returns {Promise<Calls[M]["result"]>}
   */
  call(method, params, signal) {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => this.#cancel(id, signal.reason), { once: true });
      try {
        this.#worker.postMessage({ id, method, params });
      } catch (error) {
        this.#pending.delete(id);
        reject(new Error(sentence(error)));
      }
    });
  }

  /** @param {number} id @param {unknown} reason */
  #cancel(id, reason) {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    this.#worker.postMessage({ cancel: id });
    call.reject(reason);
  }

  /** @param {string} message */
  #breakDown(message) {
    this.#broken = new Error(message);
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}
