// The page's side of the worker that holds the model: everything the network computes, in turn.

import { Link } from "./link.js";

/** @typedef {import("./protocol.js").ModelCalls} ModelCalls */
/** @typedef {import("./protocol.js").Frame} Frame */

/**
 * @typedef {object} EngineChain a chain that lives in the worker
 * @property {Uint32Array} timesteps
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt pure noise, where the walk begins
 * @property {() => Promise<Frame | null>} step null once the chain is closed; one step at a time
 * @property {() => void} close ends the chain at once: the step under way comes back as null, and queued work is skipped
 */

export class Engine {
  #link;
  #lastChain = 0;

  /** @param {(progress: import("./protocol.js").Progress) => void} onProgress */
  constructor(onProgress) {
    this.#link = new Link(onProgress);
  }

  /**
   * Loads a model; must be answered before anything else is asked.
   * @param {ModelCalls["load"]["params"]} wish
   */
  load(wish) {
    return this.#link.call("load", wish);
  }

  /**
   * @param {import("./protocol.js").ChainOptions} options
   * @param {AbortSignal} [signal] aborted: the chain is closed, now or as soon as it is open
   * @returns {Promise<EngineChain | null>} null if aborted before it was open
   */
  async open(options, signal) {
    if (signal?.aborted) return null;
    const link = this.#link;
    const chain = ++this.#lastChain;
    const closed = new AbortController();
    const close = () => {
      if (closed.signal.aborted) return;
      closed.abort();
      link.call("close", { chain }).catch(() => {});
    };
    signal?.addEventListener("abort", close, { once: true });
    const opened = await link.call("open", { chain, options }).catch((error) => {
      if (closed.signal.aborted) return null;
      throw error;
    });
    if (opened === null) return null;
    if (closed.signal.aborted) {
      // The request to close came before the chain was there.
      link.call("close", { chain }).catch(() => {});
      return null;
    }
    let { xt } = opened;
    /** @returns {Promise<Frame | null>} */
    const step = async () => {
      try {
        const result = await link.call("step", { chain }, closed.signal);
        if (result === null) return null;
        const frame = { ...result, xt };
        xt = result.next;
        return frame;
      } catch (error) {
        if (closed.signal.aborted) return null;
        throw error;
      }
    };
    return { ...opened, step, close };
  }

  /**
   * The raw output of the network.
   * @param {ModelCalls["predict"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  predict(params, signal) {
    return this.#link.call("predict", params, signal);
  }

  /**
   * One evaluation of the network, read as x_0-hat and eps-hat.
   * @param {ModelCalls["denoise"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  denoise(params, signal) {
    return this.#link.call("denoise", params, signal);
  }

  /**
   * One term of the bound for one image, bits/dim: L_0 at timestep 0, else L_{t-1}.
   * @param {ModelCalls["boundTerm"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  boundTerm(params, signal) {
    return this.#link.call("boundTerm", params, signal);
  }

  /**
   * L_T, bits/dim.
   * @param {ModelCalls["priorTerm"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  priorTerm(params, signal) {
    return this.#link.call("priorTerm", params, signal);
  }

  /**
   * The inside of the network in one evaluation.
   * @param {ModelCalls["look"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  look(params, signal) {
    return this.#link.call("look", params, signal);
  }

  /**
   * @param {Uint32Array} timesteps
   * @param {AbortSignal} [signal]
   * @returns {Promise<Float32Array>} [n, d], the sinusoids
   */
  timeEmbeddings(timesteps, signal) {
    return this.#link.call("timeEmbeddings", { timesteps }, signal);
  }
}
