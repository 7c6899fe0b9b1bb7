// Whether somebody waits for a worker's answer: a slow network is seen to work, and one that hangs is told apart.

/** So long an answer may take before it is waited for, in milliseconds. */
const WAITED_FOR = 150;

/** From one answer to the next question of the same walk. */
const BETWEEN = 300;

/**
 * @callback Listener
 * @param {number | null} since when the oldest unanswered question was asked, as performance.now() says it; null: nothing is waited for
 * @param {number | null} share how much of the network's evaluation is done, from 0 to 1; null: unknown
 * @returns {void}
 */

/** When each unanswered question was asked. @type {Set<{ asked: number }>} */
const questions = new Set();
/** @type {Set<Listener>} */
const listeners = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let shown = false;
/** @type {number | null} */
let share = null;

/** When the last answer came. */
let answeredLast = -Infinity;

const oldest = () => Math.min(...[...questions].map(({ asked }) => asked));

const announce = () => {
  timer = undefined;
  const waiting = questions.size > 0 && performance.now() - oldest() >= WAITED_FOR;
  if (waiting || shown)
    for (const listener of listeners) listener(waiting ? oldest() : null, share);
  shown = waiting;
  if (questions.size > 0 && !waiting) later(WAITED_FOR - (performance.now() - oldest()));
};

/** @param {number} delay */
const later = (delay) => {
  clearTimeout(timer);
  timer = setTimeout(announce, Math.max(0, delay));
};

/** A question is asked. @returns {() => void} it is answered */
export function wait() {
  const question = { asked: performance.now() };
  questions.add(question);
  if (!shown && timer === undefined) later(WAITED_FOR);
  return () => {
    questions.delete(question);
    answeredLast = performance.now();
    share = null;
    if (shown) later(BETWEEN);
  };
}

/** An evaluation of the network has come so far. @param {number} done from 0 to 1 */
export function advance(done) {
  if (questions.size === 0) return;
  share = done;
  if (shown) announce();
}

/** @param {Listener} listener called when somebody begins to wait, and when nobody does any more */
export const listenForWaits = (listener) => listeners.add(listener);

/** Resolves when nothing has been asked or answered for so long. @param {number} milliseconds */
export async function quiet(milliseconds) {
  const from = performance.now();
  for (;;) {
    const still = questions.size > 0 ? 0 : performance.now() - Math.max(from, answeredLast);
    if (still >= milliseconds) return;
    await new Promise((resolve) => setTimeout(resolve, milliseconds - still));
  }
}
