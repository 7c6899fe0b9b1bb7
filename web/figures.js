// The figures there are, by the name of their place in index.html. A section without a line here is hidden.

/** @type {Record<string, import("./figure.js").Entry>} */
export const figures = {
  "walk-back": { module: () => import("./figures/walk-back.js") },
  "walk-forward": {
    module: () => import("./figures/walk-forward.js"),
    css: new URL("./figures/walk-forward.css", import.meta.url),
  },
  learning: {
    module: () => import("./figures/learning.js"),
    css: new URL("./figures/learning.css", import.meta.url),
  },
  inside: {
    module: () => import("./figures/inside.js"),
    css: new URL("./figures/inside.css", import.meta.url),
  },
  wall: {
    module: () => import("./figures/wall.js"),
    css: new URL("./figures/wall.css", import.meta.url),
  },
  "bend-scribble": {
    module: () => import("./figures/bend/scribble.js"),
    css: new URL("./figures/bend.css", import.meta.url),
  },
  "bend-repaint": {
    module: () => import("./figures/bend/repaint.js"),
    css: new URL("./figures/bend.css", import.meta.url),
  },
  "bend-between": {
    module: () => import("./figures/bend/between.js"),
    css: new URL("./figures/bend.css", import.meta.url),
  },
  "take-away": {
    module: () => import("./figures/take-away.js"),
    css: new URL("./figures/take-away.css", import.meta.url),
  },
  "one-jump": {
    module: () => import("./figures/one-jump.js"),
    css: new URL("./figures/one-jump.css", import.meta.url),
  },
  "many-answers": {
    module: () => import("./figures/many-answers.js"),
    css: new URL("./figures/many-answers.css", import.meta.url),
  },
  posterior: {
    module: () => import("./figures/posterior.js"),
    css: new URL("./figures/posterior.css", import.meta.url),
  },
  samplers: {
    module: () => import("./figures/samplers.js"),
    css: new URL("./figures/samplers.css", import.meta.url),
  },
};
