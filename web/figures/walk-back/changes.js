// How much the guess x_0-hat changes from step to step: where the digit is decided.

import { createPlot } from "../../parts/plot.js";
import { term } from "../../parts/term.js";
import { h, setText } from "../../screen/dom.js";

/** @typedef {import("../../protocol/messages.js").Frame} Frame */

const HEIGHT = 36;

/** @param {(position: number) => void} onSeek */
export function createChanges(onSeek) {
  /** Steps of the whole walk: the plot's scale is the scrubber's. */
  let length = 1;
  const plot = createPlot({
    label: "How much the guess changes per step",
    height: HEIGHT,
    bare: true,
    x: { label: "step", range: () => [0, length] },
    y: { label: "change per pixel" },
    series: [{ name: "change", kind: "area" }],
    onSeek: (x) => onSeek(Math.round(x)),
  });
  const now = h("output", { "aria-hidden": "true" });
  const element = h(
    "div",
    { class: "changes" },
    h("p", {}, "change of ", term("x_0-hat"), " per step ", now),
    plot.element,
  );
  /** @type {readonly Frame[]} */
  let frames = [];
  /** The change on the way to each position; none to the first. @type {(number | null)[]} */
  let changes = [];

  return {
    element,
    dispose: plot.dispose,
    /**
     * @param {readonly Frame[]} history all answers of the network so far
     * @param {number} position where the walk is shown
     * @param {number} steps of the whole walk
     */
    show(history, position, steps) {
      const known = frames === history ? changes.length : -1;
      if (frames !== history) {
        frames = history;
        changes = [];
      }
      for (let i = changes.length; i < frames.length; i++) {
        changes.push(changeBetween(frames[i - 1]?.x0, frames[i]?.x0));
      }
      if (changes.length !== known || length !== steps) {
        length = steps;
        plot.set([changes.map((_, i) => i), changes], describe(changes, frames));
      }
      plot.mark(position);
      const change = changes[position];
      setText(now, typeof change === "number" ? change.toFixed(3) : "");
    },
  };
}

/** A value of an image, which has none beyond black and white. @param {number | undefined} value */
const seen = (value = 0) => Math.min(1, Math.max(-1, value));

/**
 * The mean absolute difference of two guesses as they are seen, per value; their values span 2.
 * @param {Float32Array | undefined} before
 * @param {Float32Array | undefined} after
 */
function changeBetween(before, after) {
  if (before === undefined || after === undefined) return null;
  let sum = 0;
  for (let i = 0; i < after.length; i++) sum += Math.abs(seen(after[i]) - seen(before[i]));
  return sum / after.length;
}

/** The same in words. @param {(number | null)[]} changes @param {readonly Frame[]} frames */
function describe(changes, frames) {
  let most = 0;
  changes.forEach((change, i) => {
    if ((change ?? 0) > (changes[most] ?? 0)) most = i;
  });
  const change = changes[most];
  if (typeof change !== "number") return "nothing to compare yet";
  return `at most ${change.toFixed(2)} of 2 per pixel, at t = ${frames[most]?.timestep}; now ${(changes.at(-1) ?? 0).toFixed(3)}`;
}
