// What the page and the worker that learns say to each other, as types. The page calls, and every call is answered once;
// what happens while it learns, the worker says by itself.

/** @typedef {"model" | "nothing"} BeginsWith the page's model, or a small network that knows nothing */

/**
 * @typedef {object} HowToLearn
 * @property {number} learningRate
 * @property {boolean} varies whether each example is shifted, turned, and made thinner or thicker each time it is seen
 * @property {boolean} mirrors whether half of them are mirrored
 */

/**
 * @typedef {object} LearnedStep
 * @property {number} step steps taken, this one included
 * @property {number} loss of this batch
 * @property {number} milliseconds
 * @property {number} images seen in it
 */

/** @typedef {{ timesteps: number[], before: (number | null)[], after: (number | null)[] }} Errors mean squared errors over the examples, before learning and now */

/**
 * @typedef {object} Learning what is known of learning: all that the figure shows
 * @property {BeginsWith} from
 * @property {number[]} shape of an example: [channels, h, w]
 * @property {number | null} label of the examples; null where the model has no labels
 * @property {number} step
 * @property {number[]} losses one for each step
 */

/** @typedef {"files" | "database" | "none"} Storage where the browser keeps what is learned */

/**
 * @typedef {object} Kept what a reload finds again
 * @property {Learning | null} learning null where nothing has begun
 * @property {Float32Array} examples [n, channels, h, w]
 * @property {number[]} shape of an example
 * @property {HowToLearn} how
 */

/**
 * @typedef {object} LearnsOn where it learns from now on
 * @property {import("./messages.js").Device} device
 * @property {number} step from which
 * @property {string} notice why it is not the GPU that was wanted, as a sentence; "" where nothing went wrong
 */

/** @typedef {{ x0: Float32Array, xt: Float32Array, eps: Float32Array, timesteps: Uint32Array }} Drawn what lines 2 to 4 of Algorithm 1 drew, of the examples alone */

/**
 * @typedef {object} LearnerCalls
 * @property {{ params: { keeps: boolean }, result: { kept: Kept | null, storage: Storage, reason: string } }} open looks for what was kept, and keeps more from then on if there is memory for that; reason: why nothing can be, as a sentence
 * @property {{ params: { from: BeginsWith, model: import("../models/source.js").ModelSource | string, shape: number[], rehearsal: { images: Float32Array, labels: Uint32Array } | null, seed: number, examples: Float32Array, device: import("./messages.js").Device }, result: Learning }} begin
 * @property {{ params: { device: import("./messages.js").Device }, result: Learning }} continue with what was kept
 * @property {{ params: { examples: Float32Array, shape: number[] }, result: null }} show
 * @property {{ params: HowToLearn, result: null }} set
 * @property {{ params: { until: number }, result: null }} learn up to this step; what happens is said as events
 * @property {{ params: {}, result: null }} pause answered when no step is being taken
 * @property {{ params: {}, result: Drawn }} draw for one step alone
 * @property {{ params: {}, result: LearnedStep }} descend on what was drawn
 * @property {{ params: {}, result: Learning }} undo
 * @property {{ params: { card: string }, result: import("../models/source.js").FileSource }} model as it is now, as if its files had been opened
 * @property {{ params: { card: string, name: string }, result: Blob }} zip
 * @property {{ params: {}, result: null }} settle answered when all that was begun has ended and is kept
 * @property {{ params: {}, result: null }} forget
 */

/** @typedef {keyof LearnerCalls} LearnerMethod */
/** @typedef {{ [M in LearnerMethod]: { id: number, method: M, params: LearnerCalls[M]["params"] } }[LearnerMethod]} LearnerRequest */

/**
 * @typedef {{ step: LearnedStep } | { walks: { step: number, images: Float32Array, shape: number[] } } | { errors: Errors }
 *   | { paused: { reason: string } } | { keeping: true } | { kept: { storage: Storage } } | { notKept: { reason: string } }
 *   | { learnsOn: LearnsOn }} LearnerEvent
 */
/** @typedef {{ id: number, result: unknown } | { id: number, error: string } | { event: LearnerEvent } | { broken: import("./breakdown.js").BreakdownReport }} LearnerReply */

/** How it learns until the visitor sets something else. @type {HowToLearn} */
export const USUALLY = { learningRate: 1e-3, varies: true, mirrors: false };
