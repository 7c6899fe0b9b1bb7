// The plane's worker: walks and learns in slices, so that what is asked meanwhile is heard soon. A walk goes before
// learning.

import { exactGuess } from "./exact.js";
import { LEARNING_STEPS, Learner } from "./learner.js";
import { learnedGuess } from "./network.js";
import { walksBack } from "./walk.js";

/** @typedef {import("./shapes.js").Points} Points */
/** @typedef {import("./walk.js").Crowds} Crowds */

/**
 * @typedef {object} WalkRequest
 * @property {number} id
 * @property {Points} points
 * @property {Float64Array} alphasCumprod
 * @property {number[]} timesteps
 * @property {Float32Array} noise [steps + 1, n, 2]
 * @property {number | null} label
 * @property {number} guidanceScale
 * @property {Float64Array | null} weights of the network that guesses; null: the exact guess
 */

/**
 * @typedef {object} LearnRequest
 * @property {number} id
 * @property {Points} points
 * @property {Float64Array} alphasCumprod
 * @property {Float32Array} noise
 * @property {number} seed
 */

/** @typedef {{ walk: WalkRequest } | { learn: LearnRequest | null } | { hold: boolean }} PlaneRequest */
/** @typedef {{ id: number, states: Crowds[], done: boolean }} WalkReply */
/** @typedef {{ id: number, step: number, loss: number, leastLoss: number, weights: Float64Array }} LearnReply */
/** @typedef {{ walk: WalkReply } | { learn: LearnReply }} PlaneReply */

/** A slice takes about so many milliseconds. */
const SLICE = 20;
/** What is learned is shown so often, in milliseconds. */
const SHOWN = 200;

/** @param {PlaneReply} reply */
const reply = (reply) => self.postMessage(reply);

/** @type {{ id: number, states: Generator<Crowds> } | null} */
let walk = null;
/** @type {{ id: number, learner: Learner, leastLoss: number, shownAt: number } | null} */
let learning = null;
let held = false;

/** A message to itself is heard after those that wait already, and unlike a timer it is not slowed. */
const turns = new MessageChannel();
let due = false;
turns.port1.onmessage = () => {
  due = false;
  if (held) return;
  const end = performance.now() + SLICE;
  if (walk !== null) goOn(walk, end);
  else if (learning !== null) learnOn(learning, end);
  next();
};

function next() {
  if (due || held || (walk === null && learning === null)) return;
  due = true;
  turns.port2.postMessage(null);
}

/** @param {NonNullable<typeof walk>} now @param {number} end */
function goOn({ id, states }, end) {
  /** @type {Crowds[]} */
  const made = [];
  let done = false;
  do {
    const state = states.next();
    if (state.done === true) done = true;
    else made.push(state.value);
  } while (!done && performance.now() < end);
  if (done) walk = null;
  reply({ walk: { id, states: made, done } });
}

/** @param {NonNullable<typeof learning>} now @param {number} end */
function learnOn(now, end) {
  const { id, learner, leastLoss } = now;
  do learner.descend();
  while (learner.step < LEARNING_STEPS && performance.now() < end);
  const over = learner.step >= LEARNING_STEPS;
  if (over || performance.now() > now.shownAt + SHOWN) {
    const { step, weights } = learner;
    reply({ learn: { id, step, loss: learner.loss(), leastLoss, weights: weights.slice() } });
    now.shownAt = performance.now();
  }
  if (over) learning = null;
}

self.addEventListener("message", (/** @type {MessageEvent<PlaneRequest>} */ { data }) => {
  if ("hold" in data) held = data.hold;
  else if ("walk" in data) {
    const { id, points, label, guidanceScale, weights, noise, timesteps, ...rest } = data.walk;
    const count = noise.length / (timesteps.length + 1) / 2;
    const guess =
      weights === null
        ? exactGuess(points, label, guidanceScale)
        : learnedGuess(weights, count, label, guidanceScale);
    walk = { id, states: walksBack({ guess, noise, timesteps, ...rest }) };
  } else if (data.learn === null) learning = null;
  else {
    const { id, ...rest } = data.learn;
    const learner = new Learner(rest);
    learning = { id, learner, leastLoss: learner.leastLoss(), shownAt: -Infinity };
  }
  next();
});
