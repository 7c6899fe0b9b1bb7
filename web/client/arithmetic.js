// The page's side of the worker without a model: the crate's arithmetic on the CPU. It answers at once while the
// network computes elsewhere, and is started by the first call. If it breaks down it is replaced; its walks forward
// end.

import { ARITHMETIC } from "../protocol/calls.js";
import { asking } from "./asking.js";
import { Connection } from "./connection.js";
import { Relay } from "./relay.js";
import { ALWAYS } from "./always.js";

/** @typedef {import("../protocol/calls.js").ArithmeticCalls} ArithmeticCalls */
/** @typedef {import("../protocol/messages.js").ForwardState} ForwardState */

/**
 * @typedef {object} ForwardWalk walks forward that live in the worker
 * @property {ForwardState} first before any step
 * @property {(steps: number) => Promise<ForwardState | null>} advance takes steps of q(x_t|x_{t-1}); null once closed, or where its worker was released
 * @property {() => void} close
 */

export class Arithmetic extends asking(ARITHMETIC) {
  #relay;
  #lastWalk = 0;

  /** @param {import("./always.js").Turn} [turn] when a worker may be started */
  constructor(turn = ALWAYS) {
    super();
    this.#relay = new Relay(() => turn.start(async () => new Connection(() => {})));
  }

  /**
   * @template {keyof typeof ARITHMETIC} M
   * @param {M} method
   * @param {ArithmeticCalls[M]["params"]} params
   * @param {AbortSignal} [signal]
   */
  ask(method, params, signal) {
    return this.#relay.call(method, params, { signal });
  }

  /**
   * @param {Omit<ArithmeticCalls["openForward"]["params"], "walk">} params
   * @returns {Promise<ForwardWalk>}
   */
  async forward(params) {
    const walk = ++this.#lastWalk;
    const { connection, first } = await this.#relay.run(async (connection) => ({
      connection,
      first: await connection.call("openForward", { walk, ...params }),
    }));
    return {
      first,
      advance: async (steps) =>
        connection.isEnded ? null : connection.call("advanceForward", { walk, steps }),
      close: () => {
        connection.call("closeForward", { walk }).catch(() => {});
      },
    };
  }

  /**
   * Ends the worker once all that it was asked is answered; whoever asks again gets a fresh one.
   * @param {AbortSignal} [signal] aborted: it is kept after all
   */
  release(signal) {
    return this.#relay.release(signal);
  }
}
