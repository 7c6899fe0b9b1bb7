// The U: what some channels hold after each of its parts, on the way down, at the bottom, and up again.

import { rootMeanSquare } from "../../basics/statistics.js";
import { createImageGrid } from "../../parts/image-grid.js";
import { h } from "../../screen/dom.js";

/** @typedef {import("../../protocol/messages.js").Stage} Stage */

/** Channels shown of each stage. */
const CHANNELS = 6;
/** Root mean squares that take the full colour. */
const RANGE = 2.5;

const names = {
  in: () => "The picture comes in",
  /** @param {number} level */
  down: (level) => `Down ${level + 1}`,
  mid: () => "The bottom, with attention",
  /** @param {number} level */
  up: (level) => `Up ${level + 1}`,
  out: () => "The answer comes out",
};

export function createStages() {
  const element = h("ol", { class: "u", "aria-label": "The U, in the order of computation" });
  /** @type {Map<string, ReturnType<typeof createStage>>} */
  const views = new Map();
  return {
    element,
    /** @param {Stage[]} stages @param {number} t @param {boolean} attention whether there is any at the bottom */
    show(stages, t, attention) {
      const depth = Math.max(0, ...stages.map(({ level }) => level)) + 1;
      for (const stage of stages) {
        const key = `${stage.role} ${stage.level}`;
        let view = views.get(key);
        if (view === undefined) {
          view = createStage(stage, depth, attention);
          views.set(key, view);
          element.append(view.element);
        }
        view.show(stage, t);
      }
    },
  };
}

/** @param {Stage} first @param {number} depth levels of the U @param {boolean} attention */
function createStage(first, depth, attention) {
  const { role, level } = first;
  const [channels, height, width] = first.shape;
  const chosen = liveliest(first);
  const grid = createImageGrid({
    columns: chosen.length,
    rows: 1,
    imageSize: [height, width],
    colours: { map: "signed" },
    empty: "Not ready yet",
  });
  // Every image is as large as those of the other stages, even where there are fewer.
  grid.element.style.width = `${(100 * chosen.length) / CHANNELS}%`;
  const name = role === "mid" && !attention ? "The bottom" : names[role](level);
  const size = `${channels} × ${height} × ${width}`;
  const element = h(
    "li",
    { class: "stage", "data-role": role },
    h("p", { class: "stage-name" }, h("span", {}, name), h("span", {}, size)),
    grid.element,
  );
  // Down on the left, up on the right, each level next to its counterpart.
  const rows = { in: 1, down: level + 2, mid: depth + 2, up: level + 2, out: 1 };
  element.style.gridRow = String(rows[role]);
  element.style.gridColumn =
    role === "mid" ? "1 / -1" : role === "up" || role === "out" ? "2" : "1";
  return {
    element,
    /** @param {Stage} stage @param {number} t */
    show({ values }, t) {
      const plane = height * width;
      const range = RANGE * rootMeanSquare(values) || 1;
      const shown = new Float32Array(chosen.length * plane);
      chosen.forEach((channel, i) => {
        shown.set(values.subarray(channel * plane, (channel + 1) * plane), i * plane);
      });
      const text = `${name}: ${chosen.length} of ${channels} channels of ${height} × ${width}, at t = ${t}`;
      grid.show(
        shown.map((value) => value / range),
        [chosen.length, 1, height, width],
        text,
      );
    },
  };
}

/** The channels with the most going on in them, kept as long as the page is open. @param {Stage} stage */
function liveliest({ shape: [channels, height, width], values }) {
  const plane = height * width;
  const variances = Array.from({ length: channels }, (_, channel) => {
    const part = values.subarray(channel * plane, (channel + 1) * plane);
    const mean = part.reduce((sum, value) => sum + value, 0) / plane;
    return { channel, variance: part.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
  });
  variances.sort((a, b) => b.variance - a.variance);
  return variances
    .slice(0, CHANNELS)
    .map(({ channel }) => channel)
    .sort((a, b) => a - b);
}
