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
};
