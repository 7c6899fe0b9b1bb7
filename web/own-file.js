// The page's own files by their address. Every one begins here, in web/, so that `cargo xtask dist` can put many
// modules into one without breaking their addresses.

/** @param {string} path below web/ @returns {URL} */
export const ownFile = (path) => new URL(path, import.meta.url);
