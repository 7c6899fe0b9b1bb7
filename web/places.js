// Where the page's own files lie. Every address begins here, in web/, so that `cargo xtask dist` can put many
// modules into one without moving what they ask for.

/** @param {string} path below web/ @returns {URL} */
export const place = (path) => new URL(path, import.meta.url);
