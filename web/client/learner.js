// The page's side of the worker that learns. It outlives figures: what is being learned is still there when another model
// is shown. A worker that breaks down is replaced by one that continues from what was kept last.

import { asSentence, sentence } from "../basics/sentence.js";
import { ownFile } from "../own-file.js";
import { whenLetGo } from "./let-go.js";
import { apart, together } from "./together.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerMethod} LearnerMethod */
/** @typedef {import("../protocol/learning.js").LearnerEvent} LearnerEvent */
/** @typedef {import("../protocol/learning.js").LearnedStep} LearnedStep */

/**
 * @typedef {object} LearnerState all that a figure shows
 * @property {Float32Array[]} examples [channels, h, w] each, from -1 to 1
 * @property {number[] | null} shape of an example; null while nothing is known
 * @property {import("../protocol/learning.js").Learning | null} learning null before it began
 * @property {boolean} running
 * @property {boolean} ready whether the worker holds the network; after a reload it does not until it learns again
 * @property {{ step: number, images: Float32Array, shape: number[] } | null} walks
 * @property {import("../protocol/learning.js").Errors | null} errors
 * @property {number | null} milliseconds of a step, over the last ones
 * @property {number} imagesPerStep
 * @property {import("../protocol/learning.js").Storage} storage
 * @property {string} keeping why nothing is kept, as a sentence; "" where it is
 * @property {import("../protocol/learning.js").LearnsOn | null} learnsOn null before it is known
 * @property {string} notice what went wrong last, as a sentence
 */

/** A step's time weighs so much in the mean of the last ones. */
const WEIGHT = 0.2;

export class Learner {
  /** @type {Worker | null} */
  #worker = null;
  #last = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Promise<void> | null} */
  #opening = null;
  #until = 0;
  /** Whether it was paused because nobody sees the page. */
  #hidden = false;
  /** Whether it learns while the page is hidden. */
  goesOnHidden = false;
  /** Where it is to learn, the next time that it begins or continues. @type {import("../protocol/messages.js").Device} */
  device = "cpu";
  /** What the visitor has set, which a fresh worker does not know. @type {import("../protocol/learning.js").HowToLearn | null} */
  #how = null;
  /** Whether the worker holds what was drawn for one step. */
  #hasDrawn = false;
  /** Ends the worker once it has learned, where that was wanted meanwhile. */
  #releaseThen = () => {};
  /** @type {LearnerState} */
  status = {
    examples: [],
    shape: null,
    learning: null,
    running: false,
    ready: false,
    walks: null,
    errors: null,
    milliseconds: null,
    imagesPerStep: 0,
    storage: "none",
    keeping: "",
    learnsOn: null,
    notice: "",
  };

  constructor() {
    whenLetGo((signal) => this.#release(signal));
    // A page that a browser keeps for the way back would keep its worker, and with it the only right to write.
    addEventListener("pagehide", ({ persisted }) => {
      if (persisted) this.#leave();
    });
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) this.open().catch((error) => this.#say(error));
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.status.running && !this.goesOnHidden) {
        this.#hidden = true;
        this.pause().catch(() => {});
      } else if (!document.hidden && this.#hidden) {
        this.#hidden = false;
        this.learn(this.#until).catch((error) => this.#say(error));
      }
    });
  }

  /** The step up to which it learns. */
  get until() {
    return this.#until;
  }

  /** @param {() => void} listener called when there is something new @returns {() => void} ends it */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks for what an earlier visit kept. */
  open() {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #open() {
    const { kept, storage, reason } = await this.#call("open", {});
    /** @type {Partial<LearnerState>} */
    const known =
      kept === null
        ? {}
        : {
            examples: apart(kept.examples, kept.shape),
            shape: kept.shape,
            learning: kept.learning,
          };
    this.#change({ storage, keeping: reason, ready: false, ...known });
    if (this.#how !== null) await this.#call("set", this.#how);
  }

  /** Shows other examples from now on. @param {Float32Array[]} examples @param {number[]} shape [channels, h, w] */
  async show(examples, shape) {
    this.#change({ examples, shape });
    await this.open();
    await this.#call("show", { examples: together(examples), shape });
  }

  /**
   * Begins to learn from the examples. What was learned before is given up.
   * @param {Omit<LearnerCalls["begin"]["params"], "examples" | "device">} wish
   */
  async begin(wish) {
    await this.open();
    this.#change({ walks: null, errors: null, milliseconds: null, notice: "" });
    const examples = together(this.status.examples);
    const learning = await this.#call("begin", { ...wish, examples, device: this.device });
    this.#change({ learning, ready: true });
  }

  /** @param {import("../protocol/learning.js").HowToLearn} how */
  async set(how) {
    this.#how = how;
    await this.open();
    await this.#call("set", how);
  }

  /** The worker holds the network again, after a reload. */
  async #getReady() {
    await this.open();
    if (this.status.ready) return;
    const learning = await this.#call("continue", { device: this.device });
    this.#change({ learning, ready: true });
  }

  /** Learns up to a step, or until it is paused. @param {number} until */
  async learn(until) {
    this.#until = until;
    this.#change({ running: true, notice: "" });
    try {
      await this.#getReady();
      await this.#call("learn", { until });
    } catch (error) {
      this.#change({ running: false });
      throw error;
    }
  }

  async pause() {
    await this.#call("pause", {});
    this.#change({ running: false });
    this.#releaseThen();
  }

  /** Lines 2 to 4 of Algorithm 1. */
  async draw() {
    await this.#getReady();
    this.#hasDrawn = true;
    return this.#call("draw", {});
  }

  /** Line 5, on what was drawn. */
  async descend() {
    const step = await this.#call("descend", {}).finally(() => {
      this.#hasDrawn = false;
    });
    this.#took(step);
    return step;
  }

  /** Returns to the last good state. */
  async undo() {
    await this.#getReady();
    this.#change({ learning: await this.#call("undo", {}), notice: "" });
  }

  /** The model as it is now. @param {string} card */
  async model(card) {
    await this.#getReady();
    return this.#call("model", { card });
  }

  /** The same as an archive. @param {string} card @param {string} name of the folder in it */
  async zip(card, name) {
    await this.#getReady();
    return this.#call("zip", { card, name });
  }

  /** Removes everything from this machine. */
  async forget() {
    await this.open();
    await this.#call("forget", {});
    this.#change({
      examples: [],
      learning: null,
      running: false,
      ready: false,
      walks: null,
      errors: null,
      milliseconds: null,
      notice: "",
    });
  }

  /**
   * Ends the worker once it does not learn, unless it would take with it what is kept nowhere else. Whoever asks again gets a
   * fresh one that continues.
   * @type {import("./let-go.js").End}
   */
  async #release(signal) {
    const worker = this.#worker;
    if (worker === null || signal?.aborted) return;
    if (this.status.running) {
      this.#releaseThen = () => void this.#release(signal);
      return;
    }
    this.#releaseThen = () => {};
    const settled = this.#call("settle", {}).then(
      () => true,
      () => false,
    );
    if (!(await settled) || signal?.aborted || this.#worker !== worker) return;
    const { running, storage, learning } = this.status;
    if (running || this.#hasDrawn || this.#pending.size > 0) return;
    if (storage === "none" && learning !== null) return;
    worker.terminate();
    this.#worker = null;
    this.#opening = null;
    this.#change({ ready: false });
  }

  /** Ends the worker at once: what it did since it kept all of it last is lost, as it is in a reload. */
  #leave() {
    if (this.#worker === null) return;
    this.#worker.terminate();
    this.#worker = null;
    this.#opening = null;
    this.#hasDrawn = false;
    for (const { reject } of this.#pending.values()) reject(new Error("The page was left."));
    this.#pending.clear();
    this.#change({ running: false, ready: false });
  }

  /** @param {Partial<LearnerState>} change */
  #change(change) {
    Object.assign(this.status, change);
    for (const listener of this.#listeners) listener();
  }

  /** @param {unknown} error */
  #say(error) {
    this.#change({ running: false, notice: asSentence(sentence(error)) });
  }

  /** @param {LearnedStep} taken */
  #took({ step, loss, milliseconds, images }) {
    const { learning, milliseconds: mean } = this.status;
    if (learning === null) return;
    learning.step = step;
    learning.losses[step - 1] = loss;
    this.#change({
      milliseconds: mean === null ? milliseconds : mean + WEIGHT * (milliseconds - mean),
      imagesPerStep: images,
    });
  }

  /** The worker has returned to a step. @param {number} step */
  #backTo(step) {
    const { learning } = this.status;
    if (learning === null) return;
    learning.step = step;
    learning.losses.length = step;
  }

  /** @param {LearnerEvent} event */
  #hear(event) {
    if ("step" in event) this.#took(event.step);
    else if ("walks" in event) this.#change({ walks: event.walks });
    else if ("errors" in event) this.#change({ errors: event.errors });
    else if ("notKept" in event) this.#change({ storage: "none", keeping: event.notKept.reason });
    else if ("learnsOn" in event) {
      this.#backTo(event.learnsOn.step);
      this.#change({ learnsOn: event.learnsOn });
    } else if ("paused" in event) {
      const { reason } = event.paused;
      const back = /back to step (\d+)/.exec(reason);
      if (back !== null) this.#backTo(Number(back[1]));
      this.#change({ running: false, notice: reason });
      this.#releaseThen();
    }
  }

  /**
   * @template {LearnerMethod} M
   * @param {M} method
   * @param {LearnerCalls[M]["params"]} params
   * @returns {Promise<LearnerCalls[M]["result"]>}
   */
  #call(method, params) {
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ id, method, params });
    });
  }

  #start() {
    const worker = new Worker(ownFile("learner.js"), { type: "module" });
    worker.addEventListener(
      "message",
      (/** @type {MessageEvent<import("../protocol/learning.js").LearnerReply>} */ { data }) => {
        if ("event" in data) this.#hear(data.event);
        else if ("broken" in data) this.#breakDown(data.broken.kind, data.broken.reason);
        else {
          const call = this.#pending.get(data.id);
          this.#pending.delete(data.id);
          if ("error" in data) call?.reject(new Error(data.error));
          else call?.resolve(data.result);
        }
      },
    );
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const { message = "its script could not be loaded" } = event;
      this.#breakDown("start", message);
    });
    return worker;
  }

  /** @param {import("../protocol/breakdown.js").BreakdownKind} kind @param {string} reason */
  #breakDown(kind, reason) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#opening = null;
    const what =
      kind === "memory"
        ? `Learning ran out of memory (${reason})`
        : `Learning stopped unexpectedly (${reason})`;
    for (const { reject } of this.#pending.values()) reject(new Error(`${what}.`));
    this.#pending.clear();
    const { storage } = this.status;
    const lost = storage === "none";
    this.#change({
      running: false,
      ready: false,
      ...(lost ? { learning: null, walks: null, errors: null } : {}),
      notice: lost
        ? `${what}; nothing was kept, so learning begins again.`
        : `${what}. Press Learn to continue with what was kept last.`,
    });
    // A worker whose script does not load would only fail again.
    if (kind !== "start") this.open().catch((error) => this.#say(error));
  }
}

/** @type {Learner | null} */
let only = null;

/** The learner of this page. */
export const theLearner = () => (only ??= new Learner());
