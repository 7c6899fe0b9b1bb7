// The page's side of the worker that holds the model, which computes one thing at a time. It keeps the state of every
// open chain, so that a worker that breaks down, or is lost with its GPU, is replaced by one that continues from there,
// and so that other workers (crew.js) can take steps of it.

import { loadModule } from "../basics/load-module.js";
import { NETWORK } from "../protocol/calls.js";
import { asking } from "./asking.js";
import { advance } from "./busy.js";
import { Connection } from "./connection.js";
import { Relay } from "./relay.js";
import { ALWAYS } from "./always.js";

/** @typedef {import("../protocol/calls.js").ModelCalls} ModelCalls */
/** @typedef {import("../protocol/messages.js").Frame} Frame */
/** @typedef {import("../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../protocol/breakdown.js").Breakdown} Breakdown */
/** @typedef {import("../protocol/breakdown.js").BreakdownReport} BreakdownReport */

/**
 * @typedef {object} EngineChain a chain that lives in the worker
 * @property {Uint32Array} timesteps
 * @property {Float64Array} alphasCumprod alpha-bar of the state before every step and after the last
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt pure noise, where the walk begins
 * @property {(hand?: import("./crew.js").Hand) => Promise<Frame | null>} step null once the chain is closed; one step at a time, by the engine's own worker or by the one that `share` names
 * @property {(most: number) => Promise<Frame | null>} advance as `step`, but a GPU may take so many steps at once, as long as that takes but a moment; only the last is seen
 * @property {() => void} close ends the chain at once: the current step returns null, and queued work is skipped
 */

/**
 * @typedef {object} Change what is different after a breakdown
 * @property {string} notice a sentence or two for the visitor
 * @property {Loaded | null} loaded the model on its new device; null while it is not there yet
 */

/** From so many parameters on, a model's worker ends with it: what wasm once had of the machine's memory it keeps. */
const LARGE = 2 ** 24;

/** After this many losses of the GPU the CPU computes, whichever model is loaded. */
const LOSSES = 2;
const LOST_TOO_OFTEN = "The GPU was lost twice, so the CPU computes.";

export class Engine extends asking(NETWORK) {
  #onProgress;
  #onChange;
  #turn;
  #relay;
  /** Other workers, once there was something to share. @type {import("./crew.js").Crew | null} */
  #crew = null;
  /** The model that they share; null: none may. @type {import("../protocol/messages.js").ModelInfo | null} */
  #shared = null;
  #lastChain = 0;
  /** Counts models, so that chains of an earlier one end. */
  #models = 0;
  /** @type {ModelCalls["load"]["params"] | null} */
  #wish = null;
  /** @type {import("../protocol/messages.js").DeviceChoice} */
  #device = "auto";
  /** The worker with the model. @type {Connection | null} */
  #serving = null;
  /** Whether its model is so large that no other follows it there. */
  #endsWithModel = false;
  /** How the worker before it ended, and what it computed on. @type {BreakdownReport & { device: string } | null} */
  #ended = null;
  #losses = 0;
  /** The most images that the network gets at once. */
  #batch = Infinity;
  /** Whether the GPU has no memory for a single image of this model. */
  #tooSmall = false;

  /**
   * @param {(progress: import("../protocol/messages.js").Progress) => void} onProgress
   * @param {(change: Change) => void} onChange
   * @param {import("./always.js").Turn} [turn] when a worker may be started
   */
  constructor(onProgress, onChange, turn = ALWAYS) {
    super();
    this.#onProgress = onProgress;
    this.#onChange = onChange;
    this.#turn = turn;
    this.#relay = new Relay(() => turn.start(() => this.#startAgain()));
  }

  /**
   * Loads a model; nothing else may be called before it has ended. Chains of the model before it end.
   * @param {ModelCalls["load"]["params"]} wish is kept for a load after a breakdown
   * @returns {Promise<Loaded>}
   */
  async load(wish) {
    this.#models += 1;
    this.#shareModel(null);
    this.#wish = wish;
    this.#batch = Infinity;
    this.#tooSmall = false;
    const onCpu = this.#losses >= LOSSES && wish.device !== "cpu";
    /** @type {Loaded | undefined} */
    let loaded;
    await this.#renew(async (before) => {
      let connection = (await before?.catch(() => null)) ?? null;
      // Nothing is running any more that a breakdown could have interrupted, or can from here on.
      this.#serving = null;
      if (this.#endsWithModel) {
        connection?.end();
        connection = null;
      }
      connection ??= this.#newConnection();
      if (this.#ended !== null)
        this.#onChange({ notice: `${whatEnded(this.#ended)}.`, loaded: null });
      this.#ended = null;
      loaded = await this.#loadInto(connection, onCpu ? { ...wish, device: "cpu" } : wish);
      return connection;
    });
    if (loaded === undefined) throw new Error("no model was loaded");
    return onCpu ? { ...loaded, notice: LOST_TOO_OFTEN } : loaded;
  }

  /**
   * Moves the model to another device. Calls made meanwhile wait, and chains continue from their last step.
   * @param {import("../protocol/messages.js").Device} device
   * @returns {Promise<Loaded>}
   * @throws {Error} where the model does not compute there; then everything stays as it was
   */
  async moveTo(device) {
    const wish = this.#wish;
    if (wish === null) throw new Error("no model is loaded yet");
    /** @type {Loaded | undefined} */
    let loaded;
    /** @type {unknown} */
    let failure;
    await this.#renew(async (before) => {
      const old = (await before?.catch(() => null)) ?? null;
      const batch = this.#batch;
      this.#batch = Infinity;
      const connection = this.#newConnection();
      try {
        loaded = await this.#loadInto(connection, { ...wish, device });
      } catch (error) {
        this.#batch = batch;
        if (old === null) throw error;
        failure = error;
        return old;
      }
      this.#tooSmall = false;
      this.#ended = null;
      old?.end();
      return connection;
    });
    if (loaded === undefined) throw failure;
    return loaded;
  }

  /**
   * @param {import("../protocol/messages.js").ChainOptions} options
   * @param {AbortSignal} [signal] aborted: the chain is closed, now or as soon as it is open
   * @returns {Promise<EngineChain | null>} null if aborted before it was open
   */
  async open(options, signal) {
    if (signal?.aborted) return null;
    const chain = ++this.#lastChain;
    const model = this.#models;
    const closed = new AbortController();
    /** The worker that knows the chain. @type {Connection | null} */
    let home = null;
    const close = () => {
      if (closed.signal.aborted) return;
      closed.abort();
      signal?.removeEventListener("abort", close);
      home?.call("close", { chain }).catch(() => {});
    };
    signal?.addEventListener("abort", close, { once: true });

    /** Where the chain is, once it has made a step. @type {import("../protocol/messages.js").Resume | undefined} */
    let resume = options.resume;
    /** @param {Connection} connection */
    const settle = async (connection) => {
      if (home === connection) return null;
      const goOn = resume === undefined ? {} : { resume };
      const opened = await connection.call("open", { chain, options: { ...options, ...goOn } });
      home?.call("close", { chain }).catch(() => {});
      home = connection;
      // The request to close came before the chain was there.
      if (closed.signal.aborted) connection.call("close", { chain }).catch(() => {});
      return opened;
    };
    const opened = await this.#relay.run(settle).catch((error) => {
      if (closed.signal.aborted) return null;
      throw error;
    });
    if (opened === null || closed.signal.aborted) return null;

    let { xt } = opened;
    const images =
      options.count * (options.guidanceScale === undefined || options.guidanceScale === 1 ? 1 : 2);
    /** @param {import("./crew.js").Hand} hand @param {number} most @returns {Promise<Frame | null>} */
    const take = async (hand, most) => {
      if (model !== this.#models) return null;
      /** @param {Connection} connection */
      const takeOn = async (connection) => {
        await settle(connection);
        return connection.call("step", { chain, most }, closed.signal);
      };
      try {
        const result = await (hand === null
          ? this.#relay.run(takeOn, { signal: closed.signal, mend: this.#smaller(images) })
          : takeOn(hand));
        if (result === null) return null;
        // What a step began with is known here, unless it was one of several.
        const frame = { ...result, xt: result.xt ?? xt };
        xt = result.xPrev;
        const x0TwoBefore = result.x0Before ?? resume?.x0Before;
        const before = x0TwoBefore === undefined ? {} : { x0TwoBefore };
        resume = { index: result.index + 1, xt, x0Before: result.x0, ...before };
        return frame;
      } catch (error) {
        if (closed.signal.aborted) return null;
        throw error;
      }
    };
    return {
      ...opened,
      step: (hand = null) => take(hand, 1),
      advance: (most) => take(null, most),
      close,
    };
  }

  /**
   * @template {keyof typeof NETWORK} M
   * @param {M} method
   * @param {ModelCalls[M]["params"]} params
   * @param {AbortSignal} [signal]
   */
  ask(method, params, signal) {
    const images = "count" in params ? params.count : 1;
    return this.#relay.call(method, params, { signal, mend: this.#smaller(images) });
  }

  /**
   * Does many pieces of work; on the CPU on several workers, where there are the cores and the memory.
   * @template {object} P
   * @param {readonly P[]} pieces
   * @param {import("./crew.js").Sharing<P>} how
   */
  async share(pieces, how) {
    const { Crew } = await loadModule(() => import("./crew.js"), "Crew");
    if (this.#crew === null) {
      this.#crew = new Crew((connection) => {
        if (this.#wish === null) throw new Error("no model is loaded yet");
        return connection.call("load", { ...this.#wish, device: this.#device });
      });
      this.#crew.renew(this.#shared);
    }
    return this.#crew.share(pieces, how);
  }

  /** Whether a chain that advances takes several steps at once. */
  get leaps() {
    return this.#device === "webgpu";
  }

  /** How many workers have the model now. */
  get workers() {
    return this.#crew?.size ?? 1;
  }

  /**
   * Ends the worker once all that it was asked is answered. Whoever asks again has the model loaded again, and chains
   * continue from their last step.
   * @param {AbortSignal} [signal] aborted: it is kept after all
   */
  async release(signal) {
    await this.#relay.release(signal);
    if (signal?.aborted !== true) this.#crew?.dismiss();
  }

  /** @param {import("../protocol/messages.js").ModelInfo | null} model */
  #shareModel(model) {
    this.#shared = model;
    this.#crew?.renew(model);
  }

  /** @type {Relay["renew"]} */
  #renew(open) {
    return this.#relay.renew((before) => this.#turn.start(() => open(before)));
  }

  #newConnection() {
    // The others of a crew evaluate images of their own, whose shares say nothing of this one's.
    const connection = new Connection(this.#onProgress, advance);
    connection.broken.then((report) => {
      if (report !== null && connection === this.#serving) this.#mourn(report);
    });
    return connection;
  }

  /**
   * Has the model loaded by a worker; one that cannot do it is ended.
   * @param {Connection} connection
   * @param {ModelCalls["load"]["params"]} wish
   */
  async #loadInto(connection, wish) {
    try {
      const loaded = await connection.call("load", { ...wish, batch: this.#batch });
      this.#device = loaded.info.device;
      this.#endsWithModel = loaded.info.parameters >= LARGE;
      this.#serving = connection;
      // Where memory was refused before, no other worker gets any.
      this.#shareModel(this.#batch === Infinity ? loaded.info : null);
      return loaded;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** A worker that served has broken down. @param {BreakdownReport} report */
  #mourn(report) {
    this.#ended = { ...report, device: this.#device };
    if (report.kind === "lost") this.#losses += 1;
    this.#onChange({
      notice: `${whatEnded(report)}. Reloading the network; running walks will continue.`,
      loaded: null,
    });
  }

  /** A fresh worker with the model, on the device that computed before or else on the CPU. */
  async #startAgain() {
    const wish = this.#wish;
    if (wish === null) throw new Error("no model is loaded yet");
    const device = this.#tooSmall || this.#losses >= LOSSES ? "cpu" : this.#device;
    let connection = this.#newConnection();
    let loaded;
    try {
      loaded = await this.#loadInto(connection, { ...wish, device });
    } catch (error) {
      if (device !== "webgpu") throw error;
      connection = this.#newConnection();
      loaded = await this.#loadInto(connection, { ...wish, device: "cpu" });
    }
    if (this.#ended !== null) this.#onChange({ notice: this.#story(this.#ended, loaded), loaded });
    this.#ended = null;
    return connection;
  }

  /** @param {BreakdownReport & { device: string }} ended @param {Loaded} loaded */
  #story({ kind, reason, device }, { info }) {
    const goesOn = "Walks continue from their last step";
    if (kind === "memory") {
      if (device !== info.device) {
        return `The GPU does not have enough memory for this model (${bare(reason)}), so the CPU computes from now on. ${goesOn}.`;
      }
      const batch = this.#batch === 1 ? "one image" : `${this.#batch} images`;
      return this.#batch === Infinity
        ? `There was not enough memory (${bare(reason)}). ${goesOn}.`
        : `There was not enough memory for so many images at once. The network now computes ${batch} at a time, which takes longer.`;
    }
    if (kind !== "lost") return `The computation failed (${bare(reason)}). ${goesOn}.`;
    return info.device === "webgpu"
      ? `The GPU was lost (${bare(reason)}) and has been restarted. ${goesOn}.`
      : `The GPU was lost (${bare(reason)}), so the CPU computes from now on. ${goesOn}.`;
  }

  /**
   * After a call about so many images ran out of memory: the network gets half as many at once, and if the GPU cannot
   * hold a single one, the CPU computes.
   * @param {number} images
   * @returns {(breakdown: Breakdown) => boolean} false if nothing is left to try
   */
  #smaller(images) {
    return ({ kind }) => {
      if (kind !== "memory") return false;
      const asked = Math.min(this.#batch, images);
      if (asked > 1) {
        this.#batch = Math.floor(asked / 2);
        return true;
      }
      if (this.#device !== "webgpu") return false;
      this.#tooSmall = true;
      this.#batch = Infinity;
      return true;
    };
  }
}

/** How a worker ended, as a sentence without its full stop. @param {BreakdownReport} report */
function whatEnded({ kind, reason }) {
  const what = {
    lost: "The GPU was lost",
    memory: "There was not enough memory",
    trap: "The computation failed",
    start: "The computation failed",
  }[kind];
  return `${what} (${bare(reason)})`;
}

/** A reason as a part of a sentence. @param {string} reason */
function bare(reason) {
  return reason.trim().replace(/[.!]+$/, "");
}
