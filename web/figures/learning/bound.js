// The terms of the variational bound for one image: L_T, L_{t-1} over t, and L_0, in bits/dim, and their sum.
// Hidden until the first is known.

import { significant } from "../../basics/numbers.js";
import { createPlot } from "../../parts/plot.js";
import { createReadouts } from "../../parts/readouts.js";
import { h } from "../../screen/dom.js";
import { Curve, sumOver } from "./measure.js";

/** @typedef {import("./measure.js").Subject} Subject */

/**
 * @param {import("../../client/engine.js").Engine} engine
 * @param {readonly number[]} times at which the curve is computed before its terms are added up
 * @param {(t: number) => void} onSeek
 */
export function createBound(engine, times, onSeek) {
  const plot = createPlot({
    label: "The terms of the bound over t, in bits/dim",
    x: { label: "t" },
    y: { label: "bits/dim", log: true },
    height: 200,
    series: [{ name: "L", colour: "second" }],
    onSeek: (t) => onSeek(Math.round(t)),
  });
  const readouts = createReadouts({
    prior: sub("L", "T"),
    term: sub("L", "t−1"),
    first: sub("L", "0"),
    sum: "their sum, about",
    bits: "bits for the image",
  });
  const element = h(
    "div",
    { class: "bound", hidden: true },
    h("p", { class: "plot-title" }, "What this image costs, in bits per dimension (bits/dim)"),
    plot.element,
    readouts.element,
  );
  const curve = new Curve();
  /** L_T. @type {number | null} */
  let last = null;

  /** Shows what all terms cost together, once they are known at all times of the curve. @param {Float32Array} x0 */
  const addUp = (x0) => {
    if (last === null || !times.every((t) => curve.has(t))) return;
    const sum = last + sumOver(curve.lines);
    readouts.show({ sum: sum.toFixed(2), bits: String(Math.round(sum * x0.length)) });
  };

  return {
    element,
    /** For another digit. */
    clear() {
      curve.clear();
      last = null;
      readouts.show({ prior: "–", term: "–", first: "–", sum: "–", bits: "–" });
    },
    /** L_T, which no training changes. @param {Subject} subject @param {AbortSignal} signal */
    async prior({ x0 }, signal) {
      last = await engine.priorTerm({ x0 }, signal);
      readouts.show({ prior: significant(last) });
    },
    /**
     * The term of one t, if it is not known yet.
     * @param {Subject} subject
     * @param {number} t
     * @param {AbortSignal} signal
     * @param {boolean} [current] whether t is the one shown
     */
    async ask({ x0, label, seed }, t, signal, current = false) {
      if (curve.has(t) && !current) return;
      const bits = await engine.boundTerm({ x0, timestep: t, label, seed }, signal);
      curve.put(t, bits);
      addUp(x0);
      element.hidden = false;
      if (t === 0) readouts.show({ first: significant(bits) });
      if (current) readouts.show({ term: t === 0 ? "–" : significant(bits) });
      plot.set(curve.lines, `${significant(bits)} at t = ${t}; ${curve.size} terms so far`);
    },
    /** @param {number} t */
    mark(t) {
      plot.mark(t);
    },
    dispose: plot.dispose,
  };
}

/** @param {string} letter @param {string} index */
function sub(letter, index) {
  return h("span", {}, letter, h("sub", {}, index));
}
