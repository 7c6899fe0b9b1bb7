// When workers may be started. Embeds of one page take turns: turn.js.

/**
 * @typedef {object} Turn
 * @property {<T>(start: () => Promise<T>) => Promise<T>} start starts a worker when that may be
 */

/** For a page that shares with nobody. @type {Turn} */
export const ALWAYS = { start: (start) => start() };
