// What the page and its workers say to each other, as types. The page calls, the worker answers every call once under
// the call's id; beside that the worker reports its progress while it loads. Arrays of images are row-major
// [count, channels, h, w] with values from -1 to 1 unless something else is said. What the crate takes and returns is
// typed in crate/src/web/, which writes walkback.d.ts; what is asked of the workers is listed in calls.js.

/** @typedef {import("./walkback.js").BackSampler} BackSampler */
/** @typedef {import("./walkback.js").BetaSchedule} BetaSchedule */
/** @typedef {import("./walkback.js").ChainOptions} ChainOptions */
/** @typedef {import("./walkback.js").Denoised} Denoised */
/** @typedef {import("./walkback.js").Device} Device what computes in the end */
/** @typedef {import("./walkback.js").Look} Look */
/** @typedef {import("./walkback.js").ModelInfo} ModelInfo */
/** @typedef {import("./walkback.js").NamedTensor} NamedTensor */
/** @typedef {import("./walkback.js").Resume} Resume */
/** @typedef {import("./walkback.js").ScheduleCurves} ScheduleCurves */
/** @typedef {import("./walkback.js").Stage} Stage */

/** @typedef {"auto" | Device} DeviceChoice what the visitor (or the URL) asks for */

/**
 * A frame on its way to the page, which still has x_t from the step before.
 * @typedef {import("./walkback.js").Frame & {
 *   milliseconds: number,
 *   dispatches: number,
 * }} StepResult milliseconds: spent on the step; dispatches: compute dispatches that the step recorded, 0 on the CPU; of several steps at once, the mean
 */

/** @typedef {StepResult & { xt: Float32Array }} Frame what one step shows; xt is what the network was given */

/** @typedef {Pick<import("./walkback.js").ForwardWalk, "t" | "xt" | "mean" | "deviation">} ForwardState where a walk forward is */

/**
 * @typedef {object} StartCheck how the device was checked before anything was shown
 * @property {"golden" | "cpu" | "none"} against what: the folder's golden eps-hat, the CPU's, or nothing but finiteness; a GPU also against the CPU's at two other timesteps
 * @property {number} difference the largest one between two eps-hat values
 */

/** @typedef {Partial<Record<Device, number>>} StepTimes milliseconds of one evaluation of the network for one image; a device that was not tried is missing */

/**
 * @typedef {object} Loaded
 * @property {ModelInfo} info
 * @property {ScheduleCurves} schedule that the model was trained with
 * @property {string | null} notice one sentence for the visitor when the device is not the one hoped for
 * @property {StartCheck} check
 * @property {import("../models/best.js").Best | null} best where the model is at its best, if its folder says so
 * @property {import("../models/optimum.js").Optimum | null} optimum how near the network is to the best answers, likewise
 * @property {boolean} software whether the GPU is emulated in software
 * @property {StepTimes} stepTimes measured at start
 */

/**
 * @typedef {object} Opened
 * @property {Uint32Array} timesteps of the walk, from noise to image
 * @property {Float64Array} alphasCumprod alpha-bar of the state before every step and after the last
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt where the walk begins: pure noise, or `from`
 */

/** @typedef {{ images: Float32Array, shape: number[], centiseconds: number }} GifFrame */

/** @typedef {import("./calls.js").Calls} Calls */
/** @typedef {import("./calls.js").Method} Method */
/**
 * A call, or the request to cancel one that is not needed any more.
 * @typedef {{ [M in Method]: { id: number, method: M, params: Calls[M]["params"] } }[Method] | { cancel: number }} Request
 */

/**
 * @typedef {object} Progress
 * @property {string} activity what is being done, for the visitor
 * @property {number} loaded bytes so far; 0 when nothing is being fetched
 * @property {number} total bytes in all; 0 when that is not known
 */

/**
 * The answer to a call, progress, the share of an evaluation on the CPU that is done, or the last message of a worker that cannot continue.
 * @typedef {{ id: number, result: unknown } | { id: number, error: string } | { progress: Progress } | { share: number } | { broken: import("./breakdown.js").BreakdownReport }} Reply
 */

/** @typedef {import("../models/source.js").FileSource} OpenedFiles a model that does not come from an address */

export {};
