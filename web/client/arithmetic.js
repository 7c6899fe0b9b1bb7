// The page's side of the worker without a model: the crate's arithmetic on the CPU. It answers at once
// while the network computes elsewhere, and is started when it is first asked. One that breaks down is
// replaced; walks forward that lived in it are over.

import { Connection } from "./connection.js";
import { Relay } from "./relay.js";

/** @typedef {import("../protocol/messages.js").ArithmeticCalls} ArithmeticCalls */
/** @typedef {import("../protocol/messages.js").ForwardState} ForwardState */

/**
 * @typedef {object} ForwardWalk walks forward that live in the worker
 * @property {ForwardState} first before any step
 * @property {(steps: number) => Promise<ForwardState | null>} advance takes steps of q(x_t|x_{t-1}); null once closed, or where its worker was released
 * @property {() => void} close
 */

export class Arithmetic {
  #relay = new Relay(async () => new Connection(() => {}));
  #lastWalk = 0;

  /**
   * The first draws of one seed's stream of normal values; draw 0 is the x_T of a chain with this seed.
   * @param {ArithmeticCalls["noise"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  noise(params, signal) {
    return this.#relay.call("noise", params, { signal });
  }

  /**
   * @param {ArithmeticCalls["scheduleOf"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  scheduleOf(params, signal) {
    return this.#relay.call("scheduleOf", params, { signal });
  }

  /**
   * x_t from x_0 and noise (eq. 4).
   * @param {ArithmeticCalls["addNoise"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  addNoise(params, signal) {
    return this.#relay.call("addNoise", params, { signal });
  }

  /**
   * x_0 from x_t and noise (eq. 4 solved for it), not clipped.
   * @param {ArithmeticCalls["removeNoise"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  removeNoise(params, signal) {
    return this.#relay.call("removeNoise", params, { signal });
  }

  /**
   * Spherical interpolation of two noises.
   * @param {ArithmeticCalls["slerp"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  slerp(params, signal) {
    return this.#relay.call("slerp", params, { signal });
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

  /**
   * Grids one after the other, as a GIF file.
   * @param {ArithmeticCalls["gif"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  gif(params, signal) {
    return this.#relay.call("gif", params, { signal });
  }

  /**
   * Tensors as a safetensors file.
   * @param {ArithmeticCalls["safetensors"]["params"]} params
   * @param {AbortSignal} [signal]
   */
  safetensors(params, signal) {
    return this.#relay.call("safetensors", params, { signal });
  }
}
