// Two plots: the pixel values with the normal density, and the variance over t.

import { createPlot } from "../../parts/plot.js";
import { term } from "../../parts/term.js";
import { titled } from "../../parts/titled.js";
import { h } from "../../screen/dom.js";
import { centres, histogram, normal, within } from "./statistics.js";
import { WALKS } from "./walkers.js";

/** @param {(t: number) => void} onSeek */
export function createGraphs(onSeek) {
  const histograms = createPlot({
    label: "Histogram of pixel values",
    x: { label: "value", range: [-6, 6] },
    y: { label: "share of pixels", format: (value) => `${Number((100 * value).toFixed(1))} %` },
    height: 200,
    series: [
      { name: "step by step", colour: "soft", kind: "bars" },
      { name: "all at once", colour: "accent" },
      { name: "standard normal", colour: "ink", dashed: true },
    ],
  });
  const variances = createPlot({
    label: "Variance of the noise over t",
    x: { label: "t" },
    y: { label: "variance" },
    height: 200,
    series: [
      { name: "all at once, 1 − ᾱ", colour: "accent" },
      { name: `measured over ${WALKS} walks`, colour: "second", kind: "points" },
    ],
    onSeek: (t) => onSeek(Math.round(t)),
  });
  /** @type {Record<"atOnce" | "walks", Float64Array>} */
  const shares = { atOnce: centres.map(() => 0), walks: centres.map(() => 0) };
  return {
    element: h(
      "div",
      { class: "forward-plots" },
      titled(h("span", {}, "Pixel values of ", term("x_t")), histograms.element),
      titled("Variance of the noise, so far", variances.element),
    ),
    /** The pixel values of one way. @param {"atOnce" | "walks"} which @param {Float32Array} values @param {number} t */
    showValues(which, values, t) {
      shares[which] = histogram(values);
      const [atOnce, walks] = [within(shares.atOnce, 2), within(shares.walks, 2)].map((share) =>
        Math.round(100 * share),
      );
      histograms.set(
        [centres, shares.walks, shares.atOnce, normal],
        `at t = ${t}; ${atOnce} % of the values lie within 2 of zero all at once, ${walks} % step by step; of a standard normal it is 95 %`,
      );
    },
    /** @param {number[]} timesteps @param {number[]} atOnce @param {(number | null)[]} walks @param {string} text */
    showVariances(timesteps, atOnce, walks, text) {
      variances.set([timesteps, atOnce, walks], text);
    },
    /** @param {number} t */
    mark(t) {
      variances.mark(t < 0 ? null : t);
    },
    dispose() {
      histograms.dispose();
      variances.dispose();
    },
  };
}
