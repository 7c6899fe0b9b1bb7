// The worker that learns, and its calls. When it breaks down all of them fail; learner.js starts another one.

import { ownFile } from "../own-file.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerMethod} LearnerMethod */
/** @typedef {import("../protocol/learning.js").LearnerReply} LearnerReply */
/** @typedef {import("../protocol/breakdown.js").BreakdownKind} BreakdownKind */

export class LearnerConnection {
  #worker = new Worker(ownFile("learner.js"), { type: "module" });
  #last = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();

  /**
   * @param {(event: import("../protocol/learning.js").LearnerEvent) => void} hear what happens while it learns
   * @param {(kind: BreakdownKind, reason: string) => void} breakDown called when nothing more is to be expected of it
   */
  constructor(hear, breakDown) {
    this.#worker.addEventListener(
      "message",
      (/** @type {MessageEvent<LearnerReply>} */ { data }) => {
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
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, params });
    });
  }

  /** Ends the worker, whatever it does. @param {string} why what it was asked fails with, as a sentence */
  end(why) {
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(new Error(why));
    this.#pending.clear();
  }
}
