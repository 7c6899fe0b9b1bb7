// The page's side of the worker that learns. It outlives figures: what is being learned is still there when another model
// is shown. A worker that breaks down is replaced by one that continues from what was kept last.

import { asSentence, sentence } from "../basics/sentence.js";
import { LearnerConnection } from "./learner-connection.js";
import { apart, goBackTo, isSame, nothingYet, together, withStep } from "./learner-state.js";
import { whenLetGo } from "./let-go.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerMethod} LearnerMethod */
/** @typedef {import("../protocol/learning.js").LearnerEvent} LearnerEvent */

export class Learner {
  /** @type {LearnerConnection | null} */
  #worker = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Promise<void> | null} */
  #opening = null;
  /** Whether the worker has said what is kept. */
  #isOpen = false;
  /** Whether the worker makes a copy of all there is, to keep it; whether there has been memory for that. */
  #isKeeping = false;
  #keeps = true;
  /** Whether an earlier visit's examples are known. */
  #knows = false;
  #until = 0;
  /** Counts what was wanted, learning or a pause: a late answer changes nothing. */
  #wish = 0;
  /** Whether it learns while the page is hidden. */
  goesOnHidden = false;
  /** Where it is to learn, the next time that it begins or continues. @type {import("../protocol/messages.js").Device} */
  device = "cpu";
  /** Whether the worker holds what was drawn for one step. */
  #hasDrawn = false;
  /** Ends the worker once it has learned, where that was wanted meanwhile. */
  #releaseThen = () => {};
  /** The step that it continued from by itself, after a worker broke down. @type {number | null} */
  #broke = null;
  status = nothingYet();

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
        this.#change({ rests: true });
        this.#halt().catch(() => {});
      } else if (!document.hidden && this.status.rests) {
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
    const { kept, storage, reason } = await this.#call("open", { keeps: this.#keeps });
    const learning = kept?.learning ?? null;
    const { walks, errors } = this.status;
    this.#change({
      storage,
      keeping: reason,
      ready: false,
      learning,
      ...(learning === null ? { walks: null, errors: null } : { walks, errors }),
    });
    const own = this.status.examples;
    this.#isOpen = true;
    if (!this.#knows) {
      this.#knows = true;
      if (kept === null) return;
      const { examples, shape, how } = kept;
      const before = isSame(this.status.shape ?? shape, shape) ? apart(examples, shape) : [];
      // Those that were shown while this was asked come last; `show` hands over all of them.
      this.#change({ examples: [...before, ...own], shape: this.status.shape ?? shape, how });
      return;
    }
    // A worker in place of another one knows only what was kept last; the page knows what the visitor did since.
    await this.#call("set", this.status.how);
    await this.#hand();
  }

  /** Hands the worker the examples. */
  async #hand() {
    const { examples, shape } = this.status;
    if (shape !== null) await this.#call("show", { examples: together(examples), shape });
  }

  /** Shows other examples from now on. @param {Float32Array[]} examples @param {number[]} shape [channels, h, w] */
  async show(examples, shape) {
    this.#change({ examples, shape });
    await this.open();
    await this.#hand();
  }

  /**
   * Begins to learn from the examples. What was learned before is given up.
   * @param {Omit<LearnerCalls["begin"]["params"], "examples" | "device">} wish
   */
  async begin(wish) {
    await this.open();
    this.#change({ walks: null, errors: null, milliseconds: null, notice: "", loading: true });
    this.#broke = null;
    const examples = together(this.status.examples);
    const worker = this.#worker;
    const { device } = this;
    try {
      this.#change({
        learning: await this.#call("begin", { ...wish, examples, device }),
        ready: true,
      });
    } catch (error) {
      // It has given up what was learned before; that was kept.
      if (this.#worker === worker) {
        this.#end("Nothing could begin.");
        await this.open();
      }
      throw error;
    } finally {
      this.#change({ loading: false });
    }
  }

  /** @param {Partial<import("../protocol/learning.js").HowToLearn>} change */
  async set(change) {
    await this.open();
    const how = { ...this.status.how, ...change };
    this.#change({ how });
    await this.#call("set", how);
  }

  /** The worker holds the network again, after a reload. */
  async #getReady() {
    await this.open();
    if (this.status.ready) return;
    this.#change({ loading: true });
    try {
      const learning = await this.#call("continue", { device: this.device });
      this.#change({ learning, ready: true });
    } finally {
      this.#change({ loading: false });
    }
  }

  /** Learns up to a step, or until it is paused; once the page is seen, if it is to wait for that. @param {number} until */
  async learn(until) {
    this.#until = until;
    this.#change({ rests: document.hidden && !this.goesOnHidden });
    if (this.status.rests) return;
    const wish = ++this.#wish;
    this.#change({ running: true, notice: "" });
    try {
      await this.#getReady();
      if (wish === this.#wish) await this.#call("learn", { until });
    } catch (error) {
      if (wish === this.#wish) this.#change({ running: false });
      throw error;
    }
  }

  async pause() {
    this.#change({ rests: false });
    await this.#halt();
  }

  async #halt() {
    const wish = ++this.#wish;
    await this.#call("pause", {});
    if (wish !== this.#wish) return;
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
    this.#change(withStep(this.status, step));
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
    this.#keeps = true;
    this.#change({
      examples: [],
      learning: null,
      rests: false,
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
    if (running || this.#hasDrawn || worker.isAsked) return;
    if (storage === "none" && learning !== null) return;
    const { rests } = this.status;
    this.#end("The worker was let go.");
    this.#change({ rests });
  }

  /** Ends the worker at once: what it did since it kept all of it last is lost, as it is in a reload. */
  #leave() {
    if (this.#worker === null) return;
    // Another page of this site may change what is kept meanwhile.
    if (this.status.storage !== "none") {
      this.#knows = false;
      this.status.examples = [];
    }
    this.#end("The page was left.");
  }

  /** Ends the worker, whatever it does. @param {string} why as a sentence */
  #end(why) {
    this.#worker?.end(why);
    this.#worker = null;
    this.#opening = null;
    this.#isOpen = false;
    this.#isKeeping = false;
    this.#hasDrawn = false;
    this.#wish += 1;
    this.#change({ running: false, ready: false, rests: false, silent: false });
  }

  /** @param {Partial<import("./learner-state.js").LearnerState>} change */
  #change(change) {
    Object.assign(this.status, change);
    for (const listener of this.#listeners) listener();
  }

  /** @param {unknown} error */
  #say(error) {
    this.#change({ running: false, notice: asSentence(sentence(error)) });
  }

  /** @param {LearnerEvent} event */
  #hear(event) {
    if ("step" in event) this.#change(withStep(this.status, event.step));
    else if ("walks" in event) this.#change({ walks: event.walks });
    else if ("errors" in event) this.#change({ errors: event.errors });
    else if ("keeping" in event) this.#isKeeping = true;
    else if ("kept" in event) {
      this.#isKeeping = false;
      this.#change({ storage: event.kept.storage, keeping: "" });
    } else if ("notKept" in event) {
      this.#isKeeping = false;
      this.#change({ storage: "none", keeping: event.notKept.reason });
    } else if ("learnsOn" in event) {
      goBackTo(this.status, event.learnsOn.step);
      this.#change({ learnsOn: event.learnsOn });
    } else if ("paused" in event) {
      const { reason } = event.paused;
      const back = /back to step (\d+)/.exec(reason);
      if (back !== null) goBackTo(this.status, Number(back[1]));
      this.#change({ running: false, rests: false, notice: reason });
      this.#releaseThen();
    }
  }

  /**
   * @template {LearnerMethod} M
   * @param {M} method
   * @param {LearnerCalls[M]["params"]} params
   */
  #call(method, params) {
    this.#worker ??= new LearnerConnection(
      (event) => this.#hear(event),
      (kind, reason) => this.#breakDown(kind, reason),
      (isSilent) => {
        const silent = isSilent && this.status.running;
        if (silent !== this.status.silent) this.#change({ silent });
      },
    );
    return this.#worker.call(method, params);
  }

  /** @param {import("../protocol/breakdown.js").BreakdownKind} kind @param {string} reason */
  #breakDown(kind, reason) {
    const what =
      kind === "memory"
        ? `Learning ran out of memory (${reason})`
        : `Learning stopped unexpectedly (${reason})`;
    const { running, learning: had } = this.status;
    const wasOpen = this.#isOpen;
    // The next one learns, at least.
    if (kind === "memory" && this.#isKeeping) this.#keeps = false;
    this.#end(`${what}.`);
    this.#change({ notice: `${what}.` });
    // One whose script does not load, or that cannot read what is kept, would only fail again.
    if (kind === "start" || !wasOpen) return;
    this.open()
      .then(() => {
        const { learning } = this.status;
        if (learning !== null) {
          const { step } = learning;
          // A browser's compiler may err once; what breaks down twice at one place would do so again and again.
          if (kind === "trap" && running && step !== this.#broke) {
            this.#broke = step;
            this.learn(this.#until).catch((error) => this.#say(error));
            this.#change({ notice: `${what}, and continues from step ${step}.` });
            return;
          }
          this.#change({
            notice: `${what}. Step ${step} was kept; press ${step === 0 ? "Learn" : "Continue learning"} to continue from there.`,
          });
        } else if (had !== null) {
          this.#change({ notice: `${what}; nothing was kept, so learning begins again.` });
        }
      })
      .catch((error) => this.#say(error));
  }
}

/** @type {Learner | null} */
let only = null;

/** The learner of this page. */
export const theLearner = () => (only ??= new Learner());
