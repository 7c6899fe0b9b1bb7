// One walk from noise to image, played like a recording: it knows time and order, not the DOM. At
// position i, i steps have been taken; what is shown there is x_t, and what the network says about
// this very x_t. The last position shows the image, which the network is not asked about any more.
// All that was computed is kept, so going back is instant and exact.
//
// As fast as a GPU can, a second chain leaps ahead of what is kept and shows only some positions; what it left out is
// computed by the first once the walk stands still.

/** @typedef {import("../../client/engine.js").Engine} Engine */
/** @typedef {import("../../client/engine.js").EngineChain} EngineChain */
/** @typedef {import("../../protocol/messages.js").Frame} Frame */

/**
 * @typedef {object} View what there is to show
 * @property {"playing" | "paused" | "done"} mode done: at the image
 * @property {number} position steps taken
 * @property {number} computed the last position that can be shown without computing
 * @property {number} steps in all
 * @property {number | null} goal a later position that is being computed; null: none
 * @property {Uint32Array} timesteps
 * @property {number | null} timestep t of x_t; null at the end
 * @property {number} alphaCumprod alpha-bar of x_t
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt
 * @property {Float32Array | null} x0 null until the network has answered
 * @property {Float32Array | null} eps
 * @property {readonly Frame[]} frames all answers of the network so far
 */

/**
 * @typedef {object} Run one chain and how far it has come
 * @property {AbortController} ending
 * @property {EngineChain | null} chain
 * @property {Frame[]} frames
 * @property {import("../../protocol/messages.js").ChainOptions} options
 * @property {{ chain: EngineChain, frame: Frame | null } | null} ahead the chain that leaps, and what it has come to
 * @property {number} position
 * @property {boolean} busy
 * @property {() => void} wake ends a wait between two steps
 */

/** At speed 1 a walk takes at least this long, in milliseconds, so that it can be watched. */
const SHORTEST_WALK = 5000;

export class Walk {
  #engine;
  #show;
  #fail;
  /** @type {Run | null} */
  #run = null;
  #playing = false;
  #resting = false;
  /** Where to go without pausing for breath; null: nowhere. @type {number | null} */
  #goal = null;
  #speed = 1;

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

  /** Whether what is shown is the image at the end. */
  get done() {
    return this.#run !== null && this.#run.position >= length(this.#run);
  }

  /** 1: a walk takes five seconds or what the device needs; Infinity: as fast as the device can. @param {number} speed */
  set speed(speed) {
    this.#speed = speed;
    this.#run?.wake();
  }

  /**
   * Begins a new walk; the one before it is over at once.
   * @param {import("../../protocol/messages.js").ChainOptions} options
   * @param {boolean} playing
   * @param {number} [goal] where to go first
   */
  async begin(options, playing, goal = 0) {
    this.end();
    /** @type {Run} */
    const run = {
      ending: new AbortController(),
      chain: null,
      frames: [],
      options,
      ahead: null,
      position: 0,
      busy: false,
      wake: () => {},
    };
    this.#run = run;
    this.#playing = playing;
    this.#goal = goal;
    try {
      run.chain = await this.#engine.open(options, run.ending.signal);
      if (run.chain === null) return;
      // What was asked for before the walk's end was known.
      if (this.#goal !== null) this.#goal = Math.min(this.#goal, length(run));
      this.#present(run);
      await this.#pump(run);
    } catch (error) {
      if (this.#run === run) this.#fail(error);
    }
  }

  /** Ends the walk, whatever it is doing. */
  end() {
    this.#run?.ending.abort();
    this.#run?.wake();
    this.#run = null;
  }

  play() {
    this.#playing = true;
    this.#goal = null;
    this.#go();
  }

  pause() {
    this.#playing = false;
    this.#goal = null;
    this.#go();
  }

  /** Goes by steps, forwards or back, and pauses there. @param {number} steps */
  move(steps) {
    const from = this.#goal ?? this.#run?.position ?? 0;
    this.seek(from + steps);
  }

  /** Goes to a position and pauses there: at once where it is known, else as soon as it is computed. @param {number} position */
  seek(position) {
    const run = this.#run;
    if (run === null) return;
    this.#playing = false;
    stopAhead(run);
    const goal = Math.min(length(run), Math.max(0, Math.round(position)));
    run.position = Math.min(goal, reach(run));
    this.#goal = goal;
    this.#go();
  }

  /** @param {boolean} resting while nobody looks, nothing is computed */
  rest(resting) {
    this.#resting = resting;
    this.#go();
  }

  /**
   * Computes the walk up to its end, whether or not anybody looks; what is shown stays where it is.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} early where the signal is aborted or another walk begins
   */
  async complete(signal) {
    const run = this.#run;
    if (run === null || run.chain === null) return;
    while (run.busy) await new Promise((resolve) => setTimeout(resolve, 20));
    run.busy = true;
    try {
      while (this.#run === run && !signal.aborted && run.frames.length < length(run)) {
        const frame = await run.chain.step();
        if (frame === null || this.#run !== run) return;
        run.frames.push(frame);
        this.#present(run);
      }
    } finally {
      run.busy = false;
      this.#go();
    }
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

  /** Whether the xPrev position is asked for. @param {Run} run */
  #moving(run) {
    if (run.position >= length(run)) return false;
    return this.#playing || (this.#goal !== null && this.#goal > run.position);
  }

  /** Moves on as long as that is wanted. @param {Run} run */
  async #pump(run) {
    if (run.busy || run.chain === null) return;
    run.busy = true;
    try {
      while (this.#run === run && !this.#resting) {
        const began = performance.now();
        const moving = this.#moving(run);
        if (!moving && reach(run) >= run.position && run.frames.length > 0) break;
        if (!moving && run.frames.length >= length(run)) break;
        if (!(await this.#advance(run, run.chain, moving))) break;
        const hurries = this.#goal !== null && this.#goal > run.position;
        if (this.#playing && !hurries) {
          const pace = SHORTEST_WALK / length(run) / this.#speed;
          await wait(run, began + pace - performance.now());
        }
      }
    } finally {
      run.busy = false;
    }
  }

  /**
   * Computes what is missing, then goes one position further if that is still wanted.
   * @param {Run} run
   * @param {EngineChain} chain
   * @param {boolean} moving
   * @returns {Promise<boolean>} false once the walk is over
   */
  async #advance(run, chain, moving) {
    const from = run.position;
    const first = run.frames.length === 0;
    if (moving && this.#leaps(run)) return this.#leap(run);
    if (from + 1 > reach(run) && run.frames.length < length(run)) {
      const frame = await chain.step();
      if (frame === null || this.#run !== run) return false;
      run.frames.push(frame);
    }
    if (moving && !first && run.position === from && this.#moving(run) && from < reach(run)) {
      run.position += 1;
    }
    if (run.position >= length(run)) this.#playing = false;
    if (this.#goal !== null && run.position >= this.#goal) this.#goal = null;
    this.#present(run);
    return true;
  }

  /** Whether the next position may be one further ahead. @param {Run} run */
  #leaps(run) {
    const { frames, position, ahead } = run;
    const atEnd = frames.length > 0 && frames.length < length(run) && position >= reach(run);
    const wanted = ahead !== null || (this.#speed === Infinity && this.#engine.leaps);
    return this.#playing && atEnd && wanted;
  }

  /** Goes on to a position ahead of what is kept. @param {Run} run @returns {Promise<boolean>} false once the walk is over */
  async #leap(run) {
    const { options, frames, ending } = run;
    // What is kept may have overtaken it.
    if ((run.ahead?.frame?.index ?? Infinity) < run.position) stopAhead(run);
    if (run.ahead === null) {
      const last = frames.at(-1);
      if (last === undefined) return false;
      const before = frames.at(-2);
      const resume = {
        index: frames.length,
        xt: last.xPrev,
        x0Before: last.x0,
        ...(before === undefined ? {} : { x0TwoBefore: before.x0 }),
      };
      const chain = await this.#engine.open({ ...options, resume }, ending.signal);
      if (chain === null || this.#run !== run) return false;
      run.ahead = { chain, frame: null };
    }
    const { ahead } = run;
    const frame = await ahead.chain.advance(this.#speed === Infinity ? Infinity : 1);
    if (this.#run !== run) return false;
    // Meanwhile the visitor has gone somewhere else.
    if (run.ahead !== ahead) return true;
    if (frame === null) return false;
    ahead.frame = frame;
    run.position = frame.done ? length(run) : frame.index;
    if (frame.done) {
      this.#playing = false;
      ahead.chain.close();
    }
    this.#present(run);
    return true;
  }

  /** @param {Run} run */
  #present(run) {
    if (run.chain === null) return;
    const { timesteps, alphasCumprod, shape, xt } = run.chain;
    const { position, frames } = run;
    const kept = frames.at(-1);
    const last = position > reach(run) ? (run.ahead?.frame ?? kept) : kept;
    const frame = frames[position] ?? last;
    const done = position >= timesteps.length;
    this.#show({
      mode: done ? "done" : this.#playing ? "playing" : "paused",
      position,
      computed: Math.max(reach(run), position),
      steps: timesteps.length,
      goal: this.#goal !== null && this.#goal > position ? this.#goal : null,
      timesteps,
      timestep: timesteps[position] ?? null,
      alphaCumprod: alphasCumprod[position] ?? NaN,
      shape,
      xt: (done ? last?.xPrev : frame?.xt) ?? xt,
      x0: frame?.x0 ?? null,
      eps: frame?.eps ?? null,
      frames,
    });
  }
}

/** Ends the chain that leaps: what is asked for is computed in order. @param {Run} run */
function stopAhead(run) {
  run.ahead?.chain.close();
  run.ahead = null;
}

/** @param {Run} run @returns {number} steps of the whole walk */
function length(run) {
  return run.chain?.timesteps.length ?? Infinity;
}

/** The last position that is known: the network has spoken about it, or it is the image. @param {Run} run */
function reach({ chain, frames }) {
  const known = frames.length;
  return chain !== null && known >= chain.timesteps.length ? known : Math.max(0, known - 1);
}

/**
 * Waits, or until the run is woken.
 * @param {Run} run
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function wait(run, milliseconds) {
  if (!(milliseconds > 0)) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    run.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
