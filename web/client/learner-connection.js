// The worker that learns, and its calls. When it breaks down all of them fail; learner.js starts another one.

import { ownFile } from "../own-file.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerMethod} LearnerMethod */
/** @typedef {import("../protocol/learning.js").LearnerReply} LearnerReply */
/** @typedef {import("../protocol/breakdown.js").BreakdownKind} BreakdownKind */

/** Milliseconds without a word of the worker that are long: a step of the slowest devices takes half of it. */
const LONG = 60_000;

export class LearnerConnection {
  #worker = new Worker(ownFile("learner.js"), { type: "module" });
  #last = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #late;
  #hearSilence;

  /**
   * @param {(event: import("../protocol/learning.js").LearnerEvent) => void} hear what happens while it learns
   * @param {(kind: BreakdownKind, reason: string) => void} breakDown called when nothing more is to be expected of it
   * @param {(isSilent: boolean) => void} hearSilence called when nothing has been heard of it for long, and when that is over
   */
  constructor(hear, breakDown, hearSilence) {
    this.#hearSilence = hearSilence;
    this.#worker.addEventListener(
      "message",
      (/** @type {MessageEvent<LearnerReply>} */ { data }) => {
        this.#expect();
        if ("event" in data) hear(data.event);
        else if ("broken" in data) breakDown(data.broken.kind, data.broken.reason);
        else {
          const call = this.#pending.get(data.id);
          this.#pending.delete(data.id);
          if ("error" in data) call?.reject(new Error(data.error));
          else call?.resolve(data.result);
        }
      },
    );
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const { message = "its script could not be loaded" } = event;
      breakDown("start", message);
    });
  }

  /** Whether an answer is awaited. */
  get isAsked() {
    return this.#pending.size > 0;
  }

  /**
   * @template {LearnerMethod} M
   * @param {M} method
   * @param {LearnerCalls[M]["params"]} params
   * @returns {Promise<LearnerCalls[M]["result"]>}
   */
  call(method, params) {
    const id = ++this.#last;
    if (!this.isAsked) this.#expect();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, params });
    });
  }

  /** From now on the time is counted to its next word. */
  #expect() {
    clearTimeout(this.#late);
    this.#hearSilence(false);
    this.#late = setTimeout(() => this.#hearSilence(true), LONG);
  }

  /** Ends the worker, whatever it does. @param {string} why what it was asked fails with, as a sentence */
  end(why) {
    clearTimeout(this.#late);
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(new Error(why));
    this.#pending.clear();
  }
}
