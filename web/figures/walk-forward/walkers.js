// Many walks forward from one image, side by side, that follow wherever t is put: a few steps of
// q(x_t|x_{t-1}) at a time, so that they can be watched. There is no step back: for an earlier t the
// same walks begin again, from the image.

/** @typedef {import("../../protocol/messages.js").ForwardState} ForwardState */

/**
 * @typedef {object} Plan what is walked; another object is another walk
 * @property {Float32Array} x0
 * @property {Float64Array} betas
 * @property {number} seed
 * @property {boolean} naive
 */

/** How many walk together. */
export const WALKS = 64;
/** Apart from the noise that is put in at once, which has the seed itself. */
const OTHER_STREAM = 0x9e3779b9;

export class Walkers {
  #arithmetic;
  #stride;
  #show;
  #fail;
  /** @type {Plan | null} */
  #plan = null;
  /** @type {{ plan: Plan, walk: import("../../client/arithmetic.js").ForwardWalk } | null} */
  #open = null;
  /** @type {ForwardState | null} */
  #state = null;
  #goal = 0;
  #resting = false;
  #busy = false;

  /**
   * @param {import("../../client/arithmetic.js").Arithmetic} arithmetic
   * @param {number} stride steps between two pictures
   * @param {(state: ForwardState, arrived: boolean) => void} show
   * @param {(error: unknown) => void} fail
   */
  constructor(arithmetic, stride, show, fail) {
    this.#arithmetic = arithmetic;
    this.#stride = stride;
    this.#show = show;
    this.#fail = fail;
  }

  /** Walks what is planned to where `steps` steps have been taken. @param {Plan} plan @param {number} steps */
  go(plan, steps) {
    this.#plan = plan;
    this.#goal = steps;
    this.#pump();
  }

  /** @param {boolean} resting */
  rest(resting) {
    this.#resting = resting;
    this.#pump();
  }

  end() {
    this.#plan = null;
    this.#close();
  }

  #close() {
    this.#open?.walk.close();
    this.#open = null;
    this.#state = null;
  }

  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (!this.#resting && this.#plan !== null) {
        if (!(await this.#advance(this.#plan))) break;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#busy = false;
    }
  }

  /** @param {Plan} plan @returns {Promise<boolean>} whether there may be more to do */
  async #advance(plan) {
    if (this.#open?.plan !== plan || this.#state === null || this.#state.t > this.#goal) {
      this.#close();
      const { x0, betas, naive } = plan;
      const seed = (plan.seed + OTHER_STREAM) >>> 0;
      const walk = await this.#arithmetic.forward({ x0, count: WALKS, betas, seed, naive });
      if (this.#plan !== plan) {
        walk.close();
        return true;
      }
      this.#open = { plan, walk };
      this.#state = walk.first;
    } else {
      const left = this.#goal - this.#state.t;
      if (left === 0) return false;
      // To the next multiple: where the pictures fall does not depend on where the goal was.
      const stride = this.#stride - (this.#state.t % this.#stride);
      const state = await this.#open.walk.advance(Math.min(stride, left));
      if (this.#plan !== plan) return true;
      // Its worker was released while nobody looked: the same walk again.
      if (state === null) this.#open = null;
      if (state === null) return true;
      this.#state = state;
    }
    this.#show(this.#state, this.#state.t === this.#goal);
    return true;
  }
}
