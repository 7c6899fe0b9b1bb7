// The figures there are, by the name of their place in index.html. A section without a line here is hidden.

import { place } from "../places.js";

/** @type {Record<string, import("./shared/figure.js").Entry>} */
export const figures = {
  "walk-back": { module: () => import("./walk-back.js") },
  "walk-forward": {
    module: () => import("./walk-forward.js"),
    css: place("figures/walk-forward.css"),
  },
  learning: {
    module: () => import("./learning.js"),
    css: place("figures/learning.css"),
  },
  inside: {
    module: () => import("./inside.js"),
    css: place("figures/inside.css"),
  },
  wall: {
    module: () => import("./wall.js"),
    css: place("figures/wall.css"),
  },
  "bend-scribble": {
    module: () => import("./bend/scribble.js"),
    css: place("figures/bend.css"),
  },
  "bend-repaint": {
    module: () => import("./bend/repaint.js"),
    css: place("figures/bend.css"),
  },
  "bend-between": {
    module: () => import("./bend/between.js"),
    css: place("figures/bend.css"),
  },
  "take-away": {
    module: () => import("./take-away.js"),
    css: place("figures/take-away.css"),
  },
  "one-jump": {
    module: () => import("./one-jump.js"),
    css: place("figures/one-jump.css"),
  },
  "many-answers": {
    module: () => import("./many-answers.js"),
    css: place("figures/many-answers.css"),
  },
  posterior: {
    module: () => import("./posterior.js"),
    css: place("figures/posterior.css"),
  },
  samplers: {
    module: () => import("./samplers.js"),
    css: place("figures/samplers.css"),
  },
};
