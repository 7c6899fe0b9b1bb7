// How a plot is drawn, in uPlot's words, and how it answers to who points at it.

import { powerOfTen } from "../basics/numbers.js";
import { theme } from "../screen/theme.js";
import { createPlotNames } from "./plot-names.js";
import { SIDEWAYS } from "./touch.js";

export { createPlotValues } from "./plot-values.js";

/** @typedef {import("../vendor/uPlot.js").default} Plot */
/** @typedef {import("./plot.js").PlotClass} PlotClass */
/** @typedef {import("./plot.js").AxisOptions} AxisOptions */
/** @typedef {import("./plot.js").PlotOptions} PlotOptions */

/** What is filled stands on zero. @type {import("../vendor/uPlot.js").default.Scale} */
const fromZero = { time: false, range: (_, __, high) => [0, high > 0 ? high : 1] };

/** @param {Plot} plot @param {(x: number) => void} onSeek the visitor points at a value of x */
export function listenToSeeks(plot, onSeek) {
  /** Where a finger came down that may be about to scroll the page. @type {{ x: number, y: number } | null} */
  let finger = null;
  plot.over.addEventListener("pointermove", (event) => {
    if (event.buttons !== 1) return;
    if (finger !== null) {
      const [x, y] = [Math.abs(event.clientX - finger.x), Math.abs(event.clientY - finger.y)];
      if (x < SIDEWAYS || x <= y) return;
      finger = null;
    }
    onSeek(plot.posToVal(event.offsetX, "x"));
  });
  plot.over.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch" ? { x: event.clientX, y: event.clientY } : null;
    // It points when it is lifted, or moves sideways.
    if (finger !== null) return;
    plot.over.setPointerCapture(event.pointerId);
    onSeek(plot.posToVal(event.offsetX, "x"));
  });
  plot.over.addEventListener("click", (event) => onSeek(plot.posToVal(event.offsetX, "x")));
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
export function describe(
  UPlot,
  { x, y, series, bare = false, named = false },
  width,
  height,
  marked,
) {
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
      ...series.map(
        ({ name, colour = "accent", kind = "line", width: line = 1.5, dashed, spanning }) => {
          const stroke = theme.colour(colour);
          return {
            label: name,
            stroke,
            width: kind === "line" || kind === "area" ? line : 0,
            points: { show: kind === "points", size: Math.max(4, line), fill: stroke },
            ...(dashed === true ? { dash: [4, 4] } : {}),
            ...(spanning === true ? { spanGaps: true } : {}),
            ...(kind === "area" ? { fill: `color-mix(in srgb, ${stroke} 16%, transparent)` } : {}),
            ...(kind === "bars"
              ? { fill: stroke, paths: /** @type {any} */ (UPlot.paths.bars)({ size: [0.9, 100] }) }
              : {}),
          };
        },
      ),
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
        ...(named ? [createPlotNames(series, font)] : []),
      ],
    },
  };
}
