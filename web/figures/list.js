// The figures there are, by the name of their place in index.html. A section without a line here is hidden.

import { ownFile } from "../own-file.js";

/** Those that need no model. @type {Record<string, import("./shared/figure.js").LastingEntry>} */
export const lastingFigures = {
  plane: {
    module: () => import("./plane.js"),
    css: ownFile("figures/plane.css"),
    settings: ["plane"],
  },
};

/** Those of the model. @type {Record<string, import("./shared/figure.js").Entry>} */
export const figures = {
  "walk-back": {
    module: () => import("./walk-back.js"),
    settings: ["walk"],
    copies: true,
  },
  "walk-forward": {
    module: () => import("./walk-forward.js"),
    css: ownFile("figures/walk-forward.css"),
    settings: ["forward"],
  },
  learning: {
    module: () => import("./learning.js"),
    css: ownFile("figures/learning.css"),
    settings: ["learn"],
  },
  inside: {
    module: () => import("./inside.js"),
    css: ownFile("figures/inside.css"),
    settings: ["inside"],
  },
  wall: {
    module: () => import("./wall.js"),
    css: ownFile("figures/wall.css"),
    settings: ["wall"],
  },
  "bend-scribble": {
    module: () => import("./bend/scribble.js"),
    css: ownFile("figures/bend.css"),
    settings: ["scribble"],
  },
  "bend-repaint": {
    module: () => import("./bend/repaint.js"),
    css: ownFile("figures/bend.css"),
    settings: ["repaint"],
  },
  "bend-between": {
    module: () => import("./bend/between.js"),
    css: ownFile("figures/bend.css"),
    settings: ["between"],
  },
  "take-away": {
    module: () => import("./take-away.js"),
    css: ownFile("figures/take-away.css"),
    settings: [],
    embeds: false,
  },
  teach: {
    module: () => import("./teach.js"),
    css: ownFile("figures/teach.css"),
    settings: [],
  },
  "one-jump": {
    module: () => import("./one-jump.js"),
    css: ownFile("figures/one-jump.css"),
    settings: ["jump"],
  },
  "many-answers": {
    module: () => import("./many-answers.js"),
    css: ownFile("figures/many-answers.css"),
    settings: ["many"],
  },
  posterior: {
    module: () => import("./posterior.js"),
    css: ownFile("figures/posterior.css"),
    settings: ["posterior"],
  },
  samplers: {
    module: () => import("./samplers.js"),
    css: ownFile("figures/samplers.css"),
    settings: ["compare", "compareA", "compareB", "compareC"],
  },
};
