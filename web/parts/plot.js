// Curves and bars, drawn by uPlot. The library lies in web/vendor/, put there by `cargo xtask`.

import { loadModule } from "../basics/load-module.js";
import { powerOfTen } from "../basics/numbers.js";
import { sentence } from "../basics/sentence.js";
import { h } from "../screen/dom.js";
import { theme } from "../screen/theme.js";
import { createPlotValues } from "./plot-values.js";
import { SIDEWAYS } from "./touch.js";
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
 */

/**
 * @typedef {object} AxisOptions
 * @property {string} label
 * @property {[number, number] | (() => [number, number])} [range] without it what the data needs; a function is asked with each new data
 * @property {boolean} [log]
 * @property {boolean} [reversed] large values on the left: t runs down on a walk back
 * @property {(value: number) => string} [format]
 */

/**
 * @typedef {object} PlotOptions
 * @property {string} label what is plotted
 * @property {AxisOptions} x
 * @property {AxisOptions} y
 * @property {SeriesOptions[]} series
 * @property {number} [height] in CSS pixels, 160 without it
 * @property {boolean} [bare] without axes, edge to edge, to stand above a slider over the same x; until it has data there is nothing to see, and the library is not loaded
 * @property {(x: number) => void} [onSeek] the visitor points at a value of x; offer a slider for the keyboard too
 */

/** What is filled stands on zero. @type {import("../vendor/uPlot.js").default.Scale} */
const fromZero = { time: false, range: (_, __, high) => [0, high > 0 ? high : 1] };

/** @type {Promise<PlotClass> | null} */
let library = null;

function loadLibrary() {
  library ??= loadModule(() => import("../vendor/uPlot.js"), "default").then(
    (module) => module.default,
  );
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
  const values = createPlotValues(area, options, () => plot);
  const element = h(
    "figure",
    { class: "plot" },
    options.series.length > 1 ? legend : null,
    h("div", { class: "plot-box" }, area, ...values.elements),
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
    const UPlot = await loadLibrary();
    if (disposed) return;
    plot?.destroy();
    values.hide();
    area.replaceChildren();
    const made = new UPlot(
      describe(UPlot, options, area.clientWidth || 300, height, () => marked),
      /** @type {any} */ (data),
      area,
    );
    plot = made;
    const { onSeek } = options;
    if (onSeek !== undefined) {
      /** Where a finger came down that may be about to scroll the page. @type {{ x: number, y: number } | null} */
      let finger = null;
      made.over.addEventListener("pointermove", (event) => {
        if (event.buttons !== 1) return;
        if (finger !== null) {
          const [x, y] = [Math.abs(event.clientX - finger.x), Math.abs(event.clientY - finger.y)];
          if (x < SIDEWAYS || x <= y) return;
          finger = null;
        }
        onSeek(made.posToVal(event.offsetX, "x"));
      });
      made.over.addEventListener("pointerdown", (event) => {
        finger = event.pointerType === "touch" ? { x: event.clientX, y: event.clientY } : null;
        // It points when it is lifted, or moves sideways.
        if (finger !== null) return;
        made.over.setPointerCapture(event.pointerId);
        onSeek(made.posToVal(event.offsetX, "x"));
      });
      made.over.addEventListener("click", (event) => onSeek(made.posToVal(event.offsetX, "x")));
    }
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

/** @param {number} value */
function isPowerOfTen(value) {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9;
}

/**
 * The options in uPlot's words.
 * @param {PlotClass} UPlot
 * @param {PlotOptions} options
 * @param {number} width
 * @param {number} height
 * @param {() => number | null} marked
 * @returns {import("../vendor/uPlot.js").default.Options}
 */
function describe(UPlot, { x, y, series, bare = false }, width, height, marked) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const family = getComputedStyle(document.body).fontFamily;
  const font = `${12 * rem}px ${family}`;
  /** @param {AxisOptions} axis @param {boolean} vertical */
  const axis = ({ label, log, format = log === true ? powerOfTen : undefined }, vertical) => ({
    label,
    font,
    labelFont: font,
    stroke: theme.colour("quiet"),
    size: vertical ? 44 * rem : 26 * rem,
    labelSize: 18 * rem,
    gap: 4,
    space: vertical ? 28 : 56,
    grid: {
      show: vertical,
      stroke: theme.colour("line"),
      width: 1,
      // On a logarithmic axis, only the powers of ten.
      ...(log === true
        ? {
            /** @param {unknown} _ @param {number[]} splits */
            filter: (_, splits) => splits.map((value) => (isPowerOfTen(value) ? value : null)),
          }
        : {}),
    },
    ticks: { show: false },
    border: { show: !vertical, stroke: theme.colour("line"), width: 1 },
    ...(format === undefined
      ? {}
      : {
          /** @param {unknown} _ @param {number[]} splits */
          values: (_, splits) => splits.map((value) => (value === null ? "" : format(value))),
        }),
  });
  /** @param {AxisOptions} axis @returns {import("../vendor/uPlot.js").default.Scale} */
  const scale = ({ range, log, reversed }) => ({
    time: false,
    ...(range === undefined ? {} : { range }),
    ...(log === true ? { distr: 3 } : {}),
    ...(reversed === true ? { dir: -1 } : {}),
  });
  return {
    width,
    height,
    pxAlign: false,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: scale(x), y: bare && y.range === undefined ? fromZero : scale(y) },
    ...(bare ? { padding: /** @type {[number, number, number, number]} */ ([3, 0, 1, 0]) } : {}),
    axes: bare ? [{ show: false }, { show: false }] : [axis(x, false), axis(y, true)],
    series: [
      {},
      ...series.map(({ name, colour = "accent", kind = "line", width: line = 1.5, dashed }) => {
        const stroke = theme.colour(colour);
        return {
          label: name,
          stroke,
          width: kind === "line" || kind === "area" ? line : 0,
          points: { show: kind === "points", size: Math.max(4, line), fill: stroke },
          ...(dashed === true ? { dash: [4, 4] } : {}),
          ...(kind === "area" ? { fill: `color-mix(in srgb, ${stroke} 16%, transparent)` } : {}),
          ...(kind === "bars"
            ? { fill: stroke, paths: /** @type {any} */ (UPlot.paths.bars)({ size: [0.9, 100] }) }
            : {}),
        };
      }),
    ],
    hooks: {
      draw: [
        (plot) => {
          const at = marked();
          if (at === null) return;
          const { ctx, bbox } = plot;
          const x = plot.valToPos(at, "x", true);
          if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
          ctx.save();
          ctx.strokeStyle = theme.colour("ink");
          ctx.lineWidth = devicePixelRatio;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.restore();
        },
      ],
    },
  };
}
