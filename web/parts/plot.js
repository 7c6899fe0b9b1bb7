// Curves and bars, drawn by uPlot. The library lies in web/vendor/, put there by `cargo xtask`; it is loaded when there is
// something to draw, and so is what is said to it.

import { loadModule } from "../basics/load-module.js";
import { sentence } from "../basics/sentence.js";
import { h } from "../screen/dom.js";
import { theme } from "../screen/theme.js";
import { createWord } from "./word.js";

/** @typedef {import("../vendor/uPlot.js").default} Plot */
/** @typedef {typeof import("../vendor/uPlot.js").default} PlotClass */
/** @typedef {import("../screen/theme.js").ColourName} ColourName */
/** @typedef {ArrayLike<number | null>} Numbers */

/**
 * @typedef {object} SeriesOptions
 * @property {string} name
 * @property {ColourName} [colour] accent without it
 * @property {string} [word] of the glossary, that the name is
 * @property {"line" | "area" | "bars" | "points"} [kind] line without it
 * @property {number} [width] of the line, 1.5 without it; of points, 4 without it
 * @property {boolean} [dashed]
 * @property {boolean} [spanning] whether a line goes on over places without a value
 */

/**
 * @typedef {object} AxisOptions
 * @property {string} label
 * @property {[number, number] | (() => [number, number])} [range] without it what the data needs; a function is asked with each new data
 * @property {boolean} [log]
 * @property {boolean} [reversed] large values on the left: t runs down on a walk back
 * @property {(value: number) => string} [format]
 * @property {(value: number) => string} [say] a value that is pointed at; without it as format
 */

/**
 * @typedef {object} PlotOptions
 * @property {string} label what is plotted
 * @property {AxisOptions} x
 * @property {AxisOptions} y
 * @property {SeriesOptions[]} series
 * @property {number} [height] in CSS pixels, 160 without it
 * @property {boolean} [bare] without axes, edge to edge, to stand above a slider over the same x; until it has data there is nothing to see, and the library is not loaded
 * @property {boolean} [named] whether each line has its name beside it
 * @property {(x: number) => void} [onSeek] the visitor points at a value of x; offer a slider for the keyboard too
 */

/** @type {Promise<[PlotClass, typeof import("./plot-drawing.js")]> | null} */
let library = null;

function loadLibrary() {
  library ??= Promise.all([
    loadModule(() => import("../vendor/uPlot.js"), "default").then((module) => module.default),
    loadModule(() => import("./plot-drawing.js"), "describe"),
  ]);
  library.catch(() => (library = null));
  return library;
}

/** After a failure the library is requested again with the next data, at the earliest after this many milliseconds. */
const RETRY = 5000;

/** @param {PlotOptions} options */
export function createPlot(options) {
  const { height = 160 } = options;
  const area = h("div", {
    class: "area",
    role: "img",
    "aria-label": `${options.label}, empty`,
    // Above a slider over the same x, the slider has the focus.
    tabindex: options.bare === true ? null : 0,
  });
  area.style.minHeight = `${height}px`;
  const legend = h(
    "ul",
    { class: "legend" },
    ...options.series.map(({ name, word, colour = "accent", dashed }) =>
      h(
        "li",
        { "data-colour": colour, "data-dashed": dashed === true },
        word === undefined ? name : createWord(word, name),
      ),
    ),
  );
  /** @type {Plot | null} */
  let plot = null;
  /** @type {ReturnType<typeof import("./plot-drawing.js").createPlotValues> | null} */
  let values = null;
  const element = h(
    "figure",
    { class: "plot" },
    options.series.length > 1 ? legend : null,
    h("div", { class: "plot-box" }, area),
  );
  /** @type {Numbers[]} */
  let data = [[], ...options.series.map(() => [])];
  /** @type {number | null} */
  let marked = null;
  let disposed = false;
  /** Whether there is a plot, or will be. */
  let begun = false;
  /** When the library, which failed to load, may be asked for again. */
  let retryAt = Infinity;

  const draw = async () => {
    // What has its first value is a picture too, which is seen before the library is loaded.
    if (options.bare === true && plot === null) await new Promise(requestAnimationFrame);
    const [UPlot, drawing] = await loadLibrary();
    if (disposed) return;
    plot?.destroy();
    values?.hide();
    area.replaceChildren();
    const made = new UPlot(
      drawing.describe(UPlot, options, area.clientWidth || 300, height, () => marked),
      /** @type {any} */ (data),
      area,
    );
    plot = made;
    if (options.onSeek !== undefined) drawing.listenToSeeks(made, options.onSeek);
    values ??= drawing.createPlotValues(area, options, () => plot);
  };
  const build = () => {
    if (options.bare === true && !begun && data[0]?.length === 0) return;
    begun = true;
    retryAt = Infinity;
    draw().catch((error) => {
      retryAt = performance.now() + RETRY;
      console.warn(error);
      area.textContent = `The plot could not be drawn (${sentence(error)}).`;
    });
  };
  build();
  const unlisten = theme.listen(build);
  const sizes = new ResizeObserver(() => {
    if (plot !== null && area.clientWidth > 0 && plot.width !== area.clientWidth) {
      plot.setSize({ width: area.clientWidth, height });
    }
  });
  sizes.observe(area);

  return {
    element,
    /**
     * @param {Numbers[]} values of x, ascending, then of each series; null where there is none
     * @param {string | null} text what can be seen, in words; null: nothing
     */
    set(values, text) {
      data = values.map((list) => Array.from(list));
      plot?.setData(/** @type {any} */ (data));
      if (!begun || performance.now() >= retryAt) build();
      const said = text === null ? ", empty" : `: ${text}`;
      area.setAttribute("aria-label", options.label + said);
    },
    /** Says something else about the same curves. @param {string} text what can be seen, in words */
    say(text) {
      area.setAttribute("aria-label", `${options.label}: ${text}`);
    },
    /** A line at a value of x; null: none. @param {number | null} x */
    mark(x) {
      if (x === marked) return;
      marked = x;
      plot?.redraw(false);
    },
    dispose() {
      disposed = true;
      unlisten();
      sizes.disconnect();
      plot?.destroy();
    },
  };
}
