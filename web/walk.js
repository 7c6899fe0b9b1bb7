// One walk from noise to image, played like a recording: it knows time and order, not the DOM. At
// position i, i steps have been taken; what is shown there is x_t, and what the network says about
// this very x_t. The last position shows the image, which the network is not asked about any more.

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineChain} EngineChain */
/** @typedef {import("./protocol.js").Frame} Frame */

/**
 * @typedef {object} View what there is to show
 * @property {"playing" | "paused" | "done"} state
 * @property {number} position steps taken
 * @property {number} steps in all
 * @property {number | null} timestep t of x_t; null at the end
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt
 * @property {Float32Array | null} x0 null until the network has answered
 * @property {Float32Array | null} eps
 * @property {Frame | null} frame the network's last answer
 */

/**
 * @typedef {object} Run one chain and how far it has come
 * @property {EngineChain | null} chain
 * @property {Frame | null} frame
 * @property {number} position
 * @property {boolean} busy
 * @property {() => void} wake ends a wait between two steps
 */

/** A walk takes at least this long, in milliseconds, so that it can be watched. */
const SHORTEST_WALK = 5000;

export class Walk {
  #engine;
  #show;
  #fail;
  /** @type {Run | null} */
  #run = null;
  #playing = false;
  #resting = false;
  /** Single steps asked for and not yet taken. */
  #owed = 0;

  /**
   * @param {Engine} engine
   * @param {(view: View) => void} show called whenever there is something new to see
   * @param {(error: unknown) => void} fail
   */
  constructor(engine, show, fail) {
    this.#engine = engine;
    this.#show = show;
    this.#fail = fail;
  }

  get playing() {
    return this.#playing;
  }

  /** Whether the walk has arrived at the image. */
  get done() {
    return this.#run !== null && isDone(this.#run);
  }

  /**
   * Begins a new walk; the one before it is over at once.
   * @param {import("./protocol.js").ChainOptions} options
   * @param {boolean} playing
   */
  async start(options, playing) {
    this.#run?.chain?.close();
    this.#run?.wake();
    /** @type {Run} */
    const run = { chain: null, frame: null, position: 0, busy: false, wake: () => {} };
    this.#run = run;
    this.#playing = playing;
    this.#owed = 0;
    try {
      run.chain = await this.#engine.open(options, () => this.#run === run);
      if (run.chain === null) return;
      this.#present(run);
      await this.#pump(run);
    } catch (error) {
      if (this.#run === run) this.#fail(error);
    }
  }

  play() {
    this.#playing = true;
    this.#go();
  }

  pause() {
    this.#playing = false;
    this.#owed = 0;
    this.#go();
  }

  /** Takes one step, and no more. */
  step() {
    this.#playing = false;
    this.#owed += 1;
    this.#go();
  }

  /** @param {boolean} resting while nobody looks, nothing is computed */
  rest(resting) {
    this.#resting = resting;
    this.#go();
  }

  #go() {
    const run = this.#run;
    if (run === null || run.chain === null) return;
    this.#present(run);
    run.wake();
    this.#pump(run).catch((error) => {
      if (this.#run === run) this.#fail(error);
    });
  }

  /** @param {Run} run @returns {boolean} whether there is something to compute now */
  #wanted(run) {
    if (this.#run !== run || this.#resting || isDone(run)) return false;
    return run.frame === null || this.#playing || this.#owed > 0;
  }

  /** Moves on as long as that is wanted. @param {Run} run */
  async #pump(run) {
    if (run.busy || run.chain === null) return;
    run.busy = true;
    const pace = SHORTEST_WALK / run.chain.timesteps.length;
    try {
      while (this.#wanted(run)) {
        const due = performance.now() + pace;
        await this.#advance(run, run.chain);
        if (this.#playing) await wait(run, due - performance.now());
      }
    } finally {
      run.busy = false;
    }
  }

  /** @param {Run} run @param {EngineChain} chain */
  async #advance(run, chain) {
    const first = run.frame === null;
    if (run.frame === null || !run.frame.done) {
      const frame = await chain.step();
      if (frame === null || this.#run !== run) return;
      run.frame = frame;
    }
    if (!first) {
      run.position += 1;
      this.#owed = Math.max(0, this.#owed - 1);
    }
    if (isDone(run)) {
      this.#playing = false;
      this.#owed = 0;
    }
    this.#present(run);
  }

  /** @param {Run} run */
  #present(run) {
    if (run.chain === null) return;
    const { timesteps, shape, xt } = run.chain;
    const done = isDone(run);
    this.#show({
      state: done ? "done" : this.#playing ? "playing" : "paused",
      position: run.position,
      steps: timesteps.length,
      timestep: timesteps[run.position] ?? null,
      shape,
      xt: (done ? run.frame?.next : run.frame?.xt) ?? xt,
      x0: run.frame?.x0 ?? null,
      eps: run.frame?.eps ?? null,
      frame: run.frame,
    });
  }
}

/** @param {Run} run */
function isDone(run) {
  return run.chain !== null && run.position >= run.chain.timesteps.length;
}

/**
 * Waits, or until the run is woken.
 * @param {Run} run
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function wait(run, milliseconds) {
  if (milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    run.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
