// What the page and its workers say to each other, as types. The page calls, the worker answers every
// call once under the call's id; beside that the worker reports its progress while it loads. Arrays of
// images are row-major [count, channels, h, w] with values from -1 to 1 unless something else is said.

/** @typedef {"auto" | "webgpu" | "cpu"} DeviceChoice what the visitor (or the URL) asks for */
/** @typedef {"webgpu" | "cpu"} Device what computes in the end */

/**
 * @typedef {object} ModelInfo what a loaded model says of itself
 * @property {Device} device
 * @property {string} adapter the GPU's name; "" on the CPU
 * @property {number} parameters
 * @property {string[]} notes what was chosen among several things in its files, in sentences
 * @property {[number, number]} imageSize height, width
 * @property {number} channels
 * @property {string[]} classes names of the classes, without the null label; [] if unconditional
 * @property {number | null} nullLabel the label that stands for "any", null if the model has none
 * @property {"epsilon" | "sample" | "v_prediction" | "flow"} predictionType what the network was trained to put out
 * @property {number} trainTimesteps T, the steps of the noise schedule
 */

/** @typedef {"ddpm" | "ddim" | "dpm++" | "euler" | "euler_a" | "heun" | "unipc"} BackSampler that a visitor can choose */
/** @typedef {BackSampler | "ddim_inverse"} Sampler */
/** @typedef {"leading" | "linspace" | "trailing"} Spacing */

/**
 * @typedef {object} ChainOptions one walk back from noise
 * @property {number} seed
 * @property {number} count images walking together
 * @property {number | null | number[]} label a class, null for any, or one class for each image
 * @property {number} [guidanceScale] classifier-free guidance's w; 1 is the plain conditional model
 * @property {number} [guidanceRescale] 0 to 1: how much of the plain answer's spread is given back
 * @property {number} numInferenceSteps how many of the T steps are taken
 * @property {Sampler} [sampler] without it DDPM
 * @property {number} [eta] DDIM's share of fresh noise, 0 to 1
 * @property {Spacing} [spacing] without it the model's own
 * @property {{ xt: Float32Array, timestep: number }} [from] begin here instead of in noise: the network is first evaluated at `timestep`
 * @property {Float32Array} [known] x_0: the truth takes the network's place, which gives the posterior walk
 * @property {Inpaint} [inpaint]
 * @property {Resume} [resume] continue where a chain with these options was
 */

/**
 * @typedef {object} Resume where a chain was: with its options, all that the rest of the walk depends on
 * @property {number} index steps taken
 * @property {Float32Array} xt
 * @property {Float32Array} x0Before x_0-hat of the step before
 * @property {Float32Array} [x0TwoBefore] that of the step before that, where there was one
 */

/**
 * @typedef {object} Inpaint RePaint: noise is added to the kept part again for each timestep
 * @property {Float32Array} x0
 * @property {Float32Array} mask 1 keeps the pixel, one for each of [h, w]
 * @property {number} resamplings how often each timestep is visited
 */

/**
 * @typedef {object} Frame what one evaluation of the network reveals
 * @property {number} index steps taken before this one, from 0
 * @property {number} timestep t, where the network was evaluated
 * @property {Float32Array} xt what the network was given
 * @property {Float32Array} x0 x_0-hat, its guess of the clean image
 * @property {Float32Array} eps eps-hat, the noise it sees
 * @property {Float32Array} xPrev the state after the step
 * @property {boolean} done whether `xPrev` is the final image
 * @property {number} milliseconds spent on the step
 * @property {number} dispatches compute dispatches the step recorded; 0 on the CPU
 */

/** @typedef {Omit<Frame, "xt">} StepResult a frame on its way: the page still has x_t from the step before */

/**
 * @typedef {object} StartCheck how the device was checked before anything was shown
 * @property {"golden" | "cpu" | "none"} against what: the folder's golden eps-hat, the CPU's, or nothing but finiteness
 * @property {number} difference the largest one between two eps-hat values
 */

/**
 * @typedef {object} ModelSchedule the schedule the model was trained with, one value for each timestep 0..T-1
 * @property {Float64Array} betas
 * @property {Float64Array} alphasCumprod alpha-bar
 */

/** @typedef {Partial<Record<Device, number>>} StepTimes milliseconds of one evaluation of the network for one image; a device that was not tried is missing */

/**
 * @typedef {object} Loaded
 * @property {ModelInfo} info
 * @property {ModelSchedule} schedule
 * @property {string | null} notice one sentence for the visitor when the device is not the one hoped for
 * @property {StartCheck} check
 * @property {boolean} software whether the GPU is imitated in software
 * @property {StepTimes} stepTimes measured at start
 */

/**
 * @typedef {object} Opened
 * @property {Uint32Array} timesteps of the walk, from noise to image
 * @property {Float64Array} alphasCumprod alpha-bar of the state before every step and after the last
 * @property {number[]} shape [count, channels, h, w]
 * @property {Float32Array} xt where the walk begins: pure noise, or `from`
 */

/**
 * @typedef {object} Denoised one evaluation of the network, read in three ways
 * @property {Float32Array} output raw, whatever the model predicts
 * @property {Float32Array} x0 x_0-hat, clipped as the scheduler says
 * @property {Float32Array} eps eps-hat
 */

/**
 * @typedef {object} Stage the activations after one part of the U-Net
 * @property {string} name
 * @property {"in" | "down" | "mid" | "up" | "out"} role
 * @property {number} level 0 is the full resolution
 * @property {[number, number, number]} shape [c, h, w]
 * @property {Float32Array} values
 */

/**
 * @typedef {object} Look the inside of the network in one evaluation
 * @property {Float32Array} timeEmbedding the sinusoid
 * @property {Stage[]} stages in the order of computation
 * @property {{ shape: [number, number], heads: number, weights: Float32Array } | null} attention shape [h, w]; weights [heads, hw, hw], rows are queries
 */

/** @typedef {"linear" | "scaled_linear" | "squaredcos_cap_v2" | "sigmoid"} BetaSchedule quadratic is scaled_linear, cosine squaredcos_cap_v2 */

/**
 * @typedef {object} ScheduleCurves one value for each timestep
 * @property {Float64Array} betas
 * @property {Float64Array} alphasCumprod
 * @property {Float64Array} logSnr ln(alpha-bar / (1 - alpha-bar))
 */

/**
 * @typedef {object} ForwardState where a walk forward is
 * @property {number} t steps of q taken, 0..T
 * @property {Float32Array} xt [count, size]
 * @property {Float32Array} mean [size], over the count walks
 * @property {Float32Array} deviation [size], standard deviation over the count walks
 */

/** @typedef {{ name: string, shape: number[], values: Float32Array }} NamedTensor */
/** @typedef {{ images: Float32Array, shape: number[], centiseconds: number }} GifFrame */

/**
 * What the worker with the model is asked: what goes in, what comes back. A step of a chain that was
 * closed meanwhile comes back as null.
 * @typedef {object} ModelCalls
 * @property {{ params: { model: import("../models/source.js").ModelSource | string, device: DeviceChoice, batch?: number }, result: Loaded }} load model: a name is one of the page's own; batch: the most images the network is asked about at once
 * @property {{ params: { chain: number, options: ChainOptions }, result: Opened }} open
 * @property {{ params: { chain: number }, result: StepResult | null }} step
 * @property {{ params: { chain: number }, result: null }} close
 * @property {{ params: { xt: Float32Array, count: number, timestep: number, labels?: Uint32Array }, result: Float32Array }} predict
 * @property {{ params: { xt: Float32Array, count: number, timestep: number, labels?: Uint32Array }, result: Denoised }} denoise
 * @property {{ params: { x0: Float32Array, timestep: number, label: number | null, seed: number }, result: number }} boundTerm bits/dim: L_0 at timestep 0, else L_{t-1}
 * @property {{ params: { x0: Float32Array }, result: number }} priorTerm bits/dim: L_T
 * @property {{ params: { xt: Float32Array, timestep: number, label: number | null }, result: Look }} look
 * @property {{ params: { timesteps: Uint32Array }, result: Float32Array }} timeEmbeddings [n, d]
 */

/**
 * What the worker without a model is asked.
 * @typedef {object} ArithmeticCalls
 * @property {{ params: { seed: number, draws: number, size: number }, result: Float32Array }} noise [draws, size], one seed's stream; draw 0 is the x_T of a chain
 * @property {{ params: { betaSchedule: BetaSchedule, trainTimesteps: number }, result: ScheduleCurves }} scheduleOf
 * @property {{ params: { x0: Float32Array, eps: Float32Array, alphaCumprod: number }, result: Float32Array }} addNoise eq. 4
 * @property {{ params: { xt: Float32Array, eps: Float32Array, alphaCumprod: number }, result: Float32Array }} removeNoise eq. 4 solved for x_0, not clipped
 * @property {{ params: { a: Float32Array, b: Float32Array, share: number }, result: Float32Array }} slerp
 * @property {{ params: { walk: number, x0: Float32Array, count: number, betas: Float64Array, seed: number, naive: boolean }, result: ForwardState }} openForward `count` walks from one x_0; naive drops sqrt(1-beta)
 * @property {{ params: { walk: number, steps: number }, result: ForwardState | null }} advanceForward
 * @property {{ params: { walk: number }, result: null }} closeForward
 * @property {{ params: { columns: number, scale: number, frames: GifFrame[] }, result: Blob }} gif
 * @property {{ params: { tensors: NamedTensor[] }, result: Blob }} safetensors
 */

/** @typedef {ModelCalls & ArithmeticCalls} Calls */
/** @typedef {keyof Calls} Method */
/**
 * The page asks, or takes back a call that is not needed any more.
 * @typedef {{ [M in Method]: { id: number, method: M, params: Calls[M]["params"] } }[Method] | { cancel: number }} Request
 */

/**
 * @typedef {object} Progress
 * @property {string} activity what is being done, for the visitor
 * @property {number} loaded bytes so far; 0 when nothing is being fetched
 * @property {number} total bytes in all; 0 when that is not known
 */

/**
 * The answer to a call, progress, or the last message of a worker that cannot continue.
 * @typedef {{ id: number, result: unknown } | { id: number, error: string } | { progress: Progress } | { broken: import("./breakdown.js").BreakdownReport }} Reply
 */

export {};
