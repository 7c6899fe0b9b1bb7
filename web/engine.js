// The page's side of the worker: calls with answers, chains with steps.

import { sentence } from "./sentence.js";

/** @typedef {import("./protocol.js").Calls} Calls */
/** @typedef {import("./protocol.js").Method} Method */

/**
 * @typedef {object} EngineChain a chain that lives in the worker
 * @property {Uint32Array} timesteps
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt pure noise, where the walk begins
 * @property {() => Promise<import("./protocol.js").Frame | null>} step null once the chain is closed
 * @property {() => void} close ends the chain at once, whatever it is doing
 */

/** The worker and what is awaited from it. */
export class Engine {
  #worker;
  #lastCall = 0;
  #lastChain = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  #pending = new Map();
  /** @type {Error | null} */
  #broken = null;

  /** @param {(progress: import("./protocol.js").Progress) => void} onProgress */
  constructor(onProgress) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener(
      "message",
      (/** @type {MessageEvent<import("./protocol.js").Reply>} */ { data }) => {
        if ("progress" in data) {
          onProgress(data.progress);
          return;
        }
        const call = this.#pending.get(data.id);
        this.#pending.delete(data.id);
        if ("error" in data) call?.reject(new Error(data.error));
        else call?.resolve(data.result);
      },
    );
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
   * Loads a model; must be answered before a chain is opened.
   * @param {Calls["load"]["params"]} wish
   */
  load(wish) {
    return this.#call("load", wish);
  }

  /**
   * @param {import("./protocol.js").ChainOptions} options
   * @param {() => boolean} stillWanted asked when the chain is there; if not, it is closed again
   * @returns {Promise<EngineChain | null>} null if no longer wanted
   */
  async open(options, stillWanted) {
    const chain = ++this.#lastChain;
    const opened = await this.#call("open", { chain, options });
    const close = () => {
      this.#call("close", { chain }).catch(() => {});
    };
    if (!stillWanted()) {
      close();
      return null;
    }
    return { ...opened, step: () => this.#call("step", { chain }), close };
  }

  /**
   * @template {Method} M
   * @param {M} method
   * @param {Calls[M]["params"]} params
   * @returns {Promise<Calls[M]["result"]>}
   */
  #call(method, params) {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      try {
        this.#worker.postMessage({ id, method, params });
      } catch (error) {
        this.#pending.delete(id);
        reject(new Error(sentence(error)));
      }
    });
  }

  /** @param {string} message */
  #breakDown(message) {
    this.#broken = new Error(message);
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}
