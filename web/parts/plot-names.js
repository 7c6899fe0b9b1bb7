// The names of a plot's lines, each beside its line, where no other line or name is near.

import { theme } from "../screen/theme.js";

/** @typedef {import("../vendor/uPlot.js").default} Plot */
/** @typedef {{ x: number, y: number }} Point in pixels of the canvas */
/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box */

/** Between a name and its line, in CSS pixels. */
const GAP = 7;
/** A line is looked at so often, in CSS pixels. */
const STRIDE = 4;
/** Farther from all else a name need not be, in CSS pixels. */
const FAR = 36;

/**
 * What draws the names, after the lines.
 * @param {readonly import("./plot.js").SeriesOptions[]} series
 * @param {string} font in CSS pixels
 * @returns {(plot: Plot) => void}
 */
export function createPlotNames(series, font) {
  /** Where the names stand; found again with other data or another size. @type {{ key: unknown[], boxes: (Box | null)[] } | null} */
  let found = null;
  return (plot) => {
    const { ctx, bbox, data } = plot;
    const ratio = devicePixelRatio;
    const size = parseFloat(font) * ratio;
    ctx.save();
    ctx.font = font.replace(/^[\d.]+px/, `${size}px`);
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    const key = [data, bbox.left, bbox.top, bbox.width, bbox.height, plot.scales["y"]?.max];
    if (found === null || key.some((part, i) => part !== found?.key[i])) {
      const widths = series.map(({ name }) => ctx.measureText(name).width);
      found = { key, boxes: placesOf(plot, widths, size, ratio) };
    }
    found.boxes.forEach((box, i) => {
      const { name = "", colour = "accent" } = series[i] ?? {};
      if (box === null) return;
      const y = (box.top + box.bottom) / 2;
      ctx.strokeStyle = theme.colour("paper");
      ctx.lineWidth = 4 * ratio;
      ctx.strokeText(name, box.left, y);
      ctx.fillStyle = theme.colour(colour);
      ctx.fillText(name, box.left, y);
    });
    ctx.restore();
  };
}

/**
 * A place for each name: beside its own line, and as far from the others and their names as it need be.
 * @param {Plot} plot
 * @param {number[]} widths of the names
 * @param {number} height
 * @param {number} ratio canvas pixels of a CSS pixel
 * @returns {(Box | null)[]} null: there is none
 */
function placesOf(plot, widths, height, ratio) {
  const { left, top, width, height: high } = plot.bbox;
  const area = { left, top, right: left + width, bottom: top + high };
  const lines = widths.map((_, i) => pointsOf(plot, i + 1, area, STRIDE * ratio));
  /** @type {(Box | null)[]} */
  const boxes = widths.map(() => null);
  widths.forEach((wide, i) => {
    const own = lines[i] ?? [];
    const others = lines.flatMap((line, k) => (k === i ? [] : line));
    let most = 0;
    for (let at = 0; at < own.length; at += 3) {
      const point = own[at];
      if (point === undefined) continue;
      for (const box of beside(point, wide, height, GAP * ratio)) {
        if (!isInside(box, area)) continue;
        if (boxes.some((other) => other !== null && overlap(box, other, 2 * ratio))) continue;
        // Its own line passes by it, and not through it.
        const near = GAP * ratio * 0.6;
        if (nearest(own, box, near) <= near) continue;
        const clear = Math.min(nearest(others, box, most), FAR * ratio);
        if (clear > most) [most, boxes[i]] = [clear, box];
      }
    }
  });
  return boxes;
}

/** A line as points close together, of which those inside count. @param {Plot} plot @param {number} index @param {Box} area @param {number} stride @returns {Point[]} */
function pointsOf(plot, index, area, stride) {
  const xs = plot.data[0];
  const ys = plot.data[index] ?? [];
  /** @type {Point[]} */
  const points = [];
  /** @type {Point | null} */
  let before = null;
  for (let i = 0; i < xs.length; i++) {
    const value = ys[i];
    if (typeof value !== "number") continue;
    const point = { x: plot.valToPos(xs[i] ?? 0, "x", true), y: plot.valToPos(value, "y", true) };
    if (!Number.isFinite(point.x) || !Number.isFinite(point.y)) continue;
    const from = before ?? point;
    const parts = Math.max(1, Math.ceil(Math.hypot(point.x - from.x, point.y - from.y) / stride));
    for (let part = 1; part <= parts; part++) {
      const x = from.x + ((point.x - from.x) * part) / parts;
      const y = from.y + ((point.y - from.y) * part) / parts;
      if (isInside({ left: x, right: x, top: y, bottom: y }, area)) points.push({ x, y });
    }
    before = point;
  }
  return points;
}

/** Boxes beside a point: above, below, left and right of it. @param {Point} point @param {number} width @param {number} height @param {number} gap @returns {Box[]} */
function beside({ x, y }, width, height, gap) {
  return [
    [x - width / 2, y - gap - height],
    [x - width / 2, y + gap],
    [x + gap, y - height / 2],
    [x - gap - width, y - height / 2],
    [x + gap, y - gap - height],
    [x - gap - width, y + gap],
  ].map(([left = 0, top = 0]) => ({ left, top, right: left + width, bottom: top + height }));
}

/** @param {Box} box @param {Box} area */
const isInside = (box, area) =>
  box.left >= area.left &&
  box.right <= area.right &&
  box.top >= area.top &&
  box.bottom <= area.bottom;

/** @param {Box} one @param {Box} other @param {number} gap */
const overlap = (one, other, gap) =>
  one.left < other.right + gap &&
  other.left < one.right + gap &&
  one.top < other.bottom + gap &&
  other.top < one.bottom + gap;

/** How far the nearest of some points is from a box. One that is no farther than `enough` ends the search. @param {Point[]} points @param {Box} box @param {number} enough */
function nearest(points, box, enough) {
  let least = Infinity;
  for (const { x, y } of points) {
    const aside = Math.max(box.left - x, 0, x - box.right);
    const above = Math.max(box.top - y, 0, y - box.bottom);
    least = Math.min(least, aside * aside + above * above);
    if (least <= enough * enough) break;
  }
  return Math.sqrt(least);
}
