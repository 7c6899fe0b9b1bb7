// The page's side of the plane's worker. Of walks only the newest is heard of, and so of learning.

import { ownFile } from "../../own-file.js";
import { LEARNING_STEPS } from "./learner.js";

/** @typedef {import("./worker.js").WalkRequest} WalkRequest */
/** @typedef {import("./worker.js").LearnRequest} LearnRequest */
/** @typedef {import("./worker.js").WalkReply} WalkReply */
/** @typedef {import("./worker.js").LearnReply} LearnReply */
/** @typedef {import("./worker.js").PlaneRequest} PlaneRequest */
/** @typedef {import("./worker.js").PlaneReply} PlaneReply */

export class PlaneComputing {
  #onWalk;
  #onLearn;
  #fail;
  /** @type {Worker | null} */
  #worker = null;
  #last = 0;
  #walk = 0;
  #learning = 0;
  #busy = false;

  /**
   * @param {(reply: WalkReply) => void} onWalk
   * @param {(reply: LearnReply) => void} onLearn
   * @param {(error: unknown) => void} fail
   */
  constructor(onWalk, onLearn, fail) {
    this.#onWalk = onWalk;
    this.#onLearn = onLearn;
    this.#fail = fail;
  }

  #started() {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(ownFile("figures/plane/worker.js"), { type: "module" });
    worker.addEventListener("message", (/** @type {MessageEvent<PlaneReply>} */ { data }) => {
      if ("walk" in data && data.walk.id === this.#walk) {
        this.#busy = !data.walk.done;
        this.#onWalk(data.walk);
      }
      if ("learn" in data && data.learn.id === this.#learning) {
        if (data.learn.step >= LEARNING_STEPS) this.#learning = 0;
        this.#onLearn(data.learn);
      }
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      // A script that cannot be loaded has no message.
      const why = event.message || "its script could not be loaded";
      this.#fail(new Error(`The walks could not be computed: ${why}.`));
    });
    this.#worker = worker;
    return worker;
  }

  /** @param {PlaneRequest} request */
  #ask(request) {
    this.#started().postMessage(request);
  }

  /** Begins walks; those before are given up. @param {Omit<WalkRequest, "id">} request */
  walk(request) {
    this.#walk = ++this.#last;
    this.#busy = true;
    this.#ask({ walk: { ...request, id: this.#walk } });
  }

  /** Begins to learn, from the beginning. @param {Omit<LearnRequest, "id">} request */
  learn(request) {
    this.#learning = ++this.#last;
    this.#ask({ learn: { ...request, id: this.#learning } });
  }

  /** Ends learning. */
  stopLearning() {
    if (this.#learning === 0) return;
    this.#learning = 0;
    this.#ask({ learn: null });
  }

  /** Nobody looks, or somebody does again: a worker with nothing to go on with is ended. @param {boolean} resting */
  rest(resting) {
    if (this.#worker === null) return;
    if (resting && !this.#busy && this.#learning === 0) this.end();
    else this.#ask({ hold: resting });
  }

  end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#busy = false;
    this.#learning = 0;
  }
}
