// What the page and its worker say to each other, as types. The page calls, the worker answers every
// call once under the call's id; beside that the worker reports its progress while it loads.

/** @typedef {"auto" | "webgpu" | "cpu"} DeviceChoice what the visitor (or the URL) asks for */
/** @typedef {"webgpu" | "cpu"} Device what computes in the end */

/**
 * @typedef {object} ModelInfo what a loaded model says of itself
 * @property {Device} device
 * @property {string} adapter the GPU's name; "" on the CPU
 * @property {number} parameters
 * @property {[number, number]} imageSize height, width
 * @property {number} channels
 * @property {string[]} classes names of the classes, without the null label; [] if unconditional
 * @property {number | null} nullLabel the label that stands for "any", null if the model has none
 * @property {number} trainTimesteps T, the steps of the noise schedule
 */

/**
 * @typedef {object} ChainOptions one walk back from noise
 * @property {number} seed
 * @property {number} count images walking together
 * @property {number | null} label a class, or null for any
 * @property {number} guidance classifier-free guidance's w; 1 is the plain conditional model
 * @property {number} steps how many of the T steps are taken
 */

/**
 * @typedef {object} Frame what one evaluation of the network reveals; arrays are [count, channels, h, w]
 * @property {number} index steps taken before this one, from 0
 * @property {number} timestep t, where the network was evaluated
 * @property {Float32Array} xt what the network was given
 * @property {Float32Array} x0 x_0-hat, its guess of the clean image
 * @property {Float32Array} eps eps-hat, the noise it sees
 * @property {Float32Array} next the state after the step
 * @property {boolean} done whether `next` is the final image
 * @property {number} milliseconds spent on the step
 * @property {number} dispatches compute dispatches the step recorded; 0 on the CPU
 */

/**
 * @typedef {object} StartCheck how the device was checked before anything was shown
 * @property {"golden" | "cpu" | "none"} against what: the folder's golden eps-hat, the CPU's, or nothing but finiteness
 * @property {number} difference the largest one between two eps-hat values
 */

/**
 * @typedef {object} Loaded
 * @property {ModelInfo} info
 * @property {string | null} notice one sentence for the visitor when the device is not the one hoped for
 * @property {StartCheck} check
 * @property {boolean} software whether the GPU is imitated in software
 */

/**
 * @typedef {object} Opened
 * @property {Uint32Array} timesteps of the walk, from noise to image
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt where the walk begins: pure noise
 */

/**
 * Everything the page can ask of the worker: what goes in, what comes back. A step of a chain that was
 * closed meanwhile comes back as null.
 * @typedef {object} Calls
 * @property {{ params: { model: string, device: DeviceChoice }, result: Loaded }} load
 * @property {{ params: { chain: number, options: ChainOptions }, result: Opened }} open
 * @property {{ params: { chain: number }, result: Frame | null }} step
 * @property {{ params: { chain: number }, result: null }} close
 */

/** @typedef {keyof Calls} Method */
/** @typedef {{ [M in Method]: { id: number, method: M, params: Calls[M]["params"] } }[Method]} Request */

/**
 * @typedef {object} Progress
 * @property {string} activity what is being done, for the visitor
 * @property {number} loaded bytes so far; 0 when nothing is being fetched
 * @property {number} total bytes in all; 0 when that is not known
 */

/** @typedef {{ id: number, result: unknown } | { id: number, error: string } | { progress: Progress }} Reply */

export {};
