// What an embed that keeps no worker ends beside those that its page knows of: of what a figure alone uses, and loads.

/** @typedef {(signal?: AbortSignal) => Promise<void>} End ends a worker that nothing is lost with; not where the signal is aborted by then */

/** @type {Set<End>} */
const ends = new Set();

/** @param {End} end called whenever all workers are let go of */
export const whenLetGo = (end) => ends.add(end);

/** @type {End} */
export async function letGo(signal) {
  await Promise.all([...ends].map((end) => end(signal)));
}
