// What the workers are asked: the one list of their methods. worker/ carries them out, and client/asking.js gives the
// page a function for each method of NETWORK and ARITHMETIC.

/** @typedef {import("./messages.js").ChainOptions} ChainOptions */
/** @typedef {import("./messages.js").ForwardState} ForwardState */

/**
 * A method: what goes in, what comes back.
 * @template P
 * @template R
 * @typedef {{ params?: P, result?: R }} Call
 */

/**
 * The methods of a table.
 * @template T
 * @typedef {{ [M in keyof T]: T[M] extends Call<infer P, infer R> ? { params: P, result: R } : never }} CallsOf
 */

/**
 * What the network is asked about `count` images at one timestep, with a label each if the model takes labels.
 * @typedef {{ xt: Float32Array, count: number, timestep: number, labels?: Uint32Array }} Batch
 */

/** What the worker with the model is asked, beside loading it and walking back. */
export const NETWORK = {
  /** The raw output of the network. */
  predict: /** @type {Call<Batch, Float32Array>} */ ({}),
  /** One evaluation of the network, read as x_0-hat and eps-hat. */
  denoise: /** @type {Call<Batch, import("./messages.js").Denoised>} */ ({}),
  /** One term of the bound for one image, bits/dim: L_0 at timestep 0, else L_{t-1}. */
  boundTerm:
    /** @type {Call<{ x0: Float32Array, timestep: number, label: number | null, seed: number }, number>} */ ({}),
  /** L_T of the bound for one image, bits/dim. */
  priorTerm: /** @type {Call<{ x0: Float32Array }, number>} */ ({}),
  /** The inside of the network in one evaluation of one image. */
  look: /** @type {Call<{ xt: Float32Array, timestep: number, label: number | null }, import("./messages.js").Look>} */ ({}),
  /** The sinusoids of some timesteps, [n, d]. */
  timeEmbeddings: /** @type {Call<{ timesteps: Uint32Array }, Float32Array>} */ ({}),
};

/**
 * The walks back in the worker with the model, which engine.js follows.
 * @typedef {object} WalkCalls
 * @property {{ params: { model: import("../models/source.js").ModelSource | string, device: import("./messages.js").DeviceChoice, batch?: number }, result: import("./messages.js").Loaded }} load model: a name is one of the page's own; batch: the most images the network is asked about at once
 * @property {{ params: { chain: number, options: ChainOptions }, result: import("./messages.js").Opened }} open
 * @property {{ params: { chain: number, most?: number }, result: import("./messages.js").StepResult | null }} step null once the chain is closed; most: so many steps may be taken at once, of which only the last is seen
 * @property {{ params: { chain: number }, result: null }} close
 */

/** What the worker without a model is asked, beside walking forward. */
export const ARITHMETIC = {
  /** The first draws of one seed's stream of normal values, [draws, size]; draw 0 is the x_T of a chain with this seed. */
  noise: /** @type {Call<{ seed: number, draws: number, size: number }, Float32Array>} */ ({}),
  /** The tables of a schedule. */
  scheduleOf:
    /** @type {Call<{ betaSchedule: import("./messages.js").BetaSchedule, trainTimesteps: number }, import("./messages.js").ScheduleCurves>} */ ({}),
  /** x_t from x_0 and noise (eq. 4). */
  addNoise:
    /** @type {Call<{ x0: Float32Array, eps: Float32Array, alphaCumprod: number }, Float32Array>} */ ({}),
  /** x_0 from x_t and noise (eq. 4 solved for it), not clipped. */
  removeNoise:
    /** @type {Call<{ xt: Float32Array, eps: Float32Array, alphaCumprod: number }, Float32Array>} */ ({}),
  /** Spherical interpolation of two noises. */
  slerp:
    /** @type {Call<{ a: Float32Array, b: Float32Array, share: number }, Float32Array>} */ ({}),
  /** Grids one after the other, as a GIF file. */
  gif: /** @type {Call<{ columns: number, scale: number, frames: import("./messages.js").GifFrame[] }, Blob>} */ ({}),
  /** Tensors as a safetensors file. */
  safetensors: /** @type {Call<{ tensors: import("./messages.js").NamedTensor[] }, Blob>} */ ({}),
};

/**
 * The walks forward in the worker without a model, which arithmetic.js follows.
 * @typedef {object} ForwardCalls
 * @property {{ params: { walk: number, x0: Float32Array, count: number, betas: Float64Array, seed: number, naive: boolean }, result: ForwardState }} openForward `count` walks from one x_0; naive drops sqrt(1-beta)
 * @property {{ params: { walk: number, steps: number }, result: ForwardState | null }} advanceForward null once the walk is closed
 * @property {{ params: { walk: number }, result: null }} closeForward
 */

/** @typedef {CallsOf<typeof NETWORK> & WalkCalls} ModelCalls of the worker with the model */
/** @typedef {CallsOf<typeof ARITHMETIC> & ForwardCalls} ArithmeticCalls of the worker without one */
/** @typedef {ModelCalls & ArithmeticCalls} Calls */
/** @typedef {keyof Calls} Method */
