// The figures there are, by the name of their place in index.html. A section without a line here is hidden.

import { place } from "./places.js";

/** @type {Record<string, import("./figure.js").Entry>} */
export const figures = {
  "walk-back": { module: () => import("./figures/walk-back.js") },
  "walk-forward": {
    module: () => import("./figures/walk-forward.js"),
    css: place("figures/walk-forward.css"),
  },
  learning: {
    module: () => import("./figures/learning.js"),
    css: place("figures/learning.css"),
  },
  inside: {
    module: () => import("./figures/inside.js"),
    css: place("figures/inside.css"),
  },
  wall: {
    module: () => import("./figures/wall.js"),
    css: place("figures/wall.css"),
  },
  "bend-scribble": {
    module: () => import("./figures/bend/scribble.js"),
    css: place("figures/bend.css"),
  },
  "bend-repaint": {
    module: () => import("./figures/bend/repaint.js"),
    css: place("figures/bend.css"),
  },
  "bend-between": {
    module: () => import("./figures/bend/between.js"),
    css: place("figures/bend.css"),
  },
  "take-away": {
    module: () => import("./figures/take-away.js"),
    css: place("figures/take-away.css"),
  },
  "one-jump": {
    module: () => import("./figures/one-jump.js"),
    css: place("figures/one-jump.css"),
  },
  "many-answers": {
    module: () => import("./figures/many-answers.js"),
    css: place("figures/many-answers.css"),
  },
  posterior: {
    module: () => import("./figures/posterior.js"),
    css: place("figures/posterior.css"),
  },
  samplers: {
    module: () => import("./figures/samplers.js"),
    css: place("figures/samplers.css"),
  },
};
