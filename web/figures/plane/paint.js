// How the plane is drawn: the density as a heat map, the field as arrows, crowds as dots, a way as a line.

import { h } from "../../screen/dom.js";
import { theme } from "../../screen/theme.js";
import { REACH } from "./shapes.js";

/** @typedef {import("../../screen/theme.js").ColourName} ColourName */

/** Cells of a side of the heat map; the canvas smooths between them. */
export const HEAT_SIDE = 88;

/** The share of a plane's side at which a point is drawn. @param {number} value */
const shareOf = (value) => (value + REACH) / (2 * REACH);

/** @param {string} colour #rrggbb */
const channelsOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/**
 * The density in one colour, the more of it the denser.
 * @param {HTMLCanvasElement} canvas of HEAT_SIDE by HEAT_SIDE
 * @param {Float32Array} density from 0 to 1
 */
export function paintHeat(canvas, density) {
  const image = new ImageData(HEAT_SIDE, HEAT_SIDE);
  const [red = 0, green = 0, blue = 0] = channelsOf(theme.colour("second"));
  for (let i = 0; i < density.length; i++) {
    image.data.set([red, green, blue, 165 * Math.sqrt(density[i])], 4 * i);
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** @param {number} side of the canvas, in its own pixels */
export function createHeat(side = HEAT_SIDE) {
  return h("canvas", { width: side, height: side });
}

/** A brush for one plane: all measures in its own pixels, all colours by their names. */
export class Brush {
  #context;
  #canvas;
  /** How many of its own pixels are one of a plane 480 pixels wide. */
  #unit = 1;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This browser has no canvas to draw on.");
    this.#context = context;
    this.#canvas = canvas;
  }

  /** @param {number} value @returns {number} in the canvas's pixels */
  #at(value) {
    return shareOf(value) * this.#canvas.width;
  }

  /** An empty plane, and the heat map on it. @param {HTMLCanvasElement | null} heat @param {number} dot how large dots and lines are, 1 where the plane is large */
  begin(heat, dot) {
    const { width, height } = this.#canvas;
    this.#unit = (width / 480) * dot;
    this.#context.globalAlpha = 1;
    this.#context.fillStyle = theme.colour("well");
    this.#context.fillRect(0, 0, width, height);
    if (heat === null) return;
    this.#context.imageSmoothingEnabled = true;
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(heat, 0, 0, width, height);
  }

  /**
   * Dots, all of one kind.
   * @param {ArrayLike<number>} xy
   * @param {ColourName} colour
   * @param {number} radius
   * @param {number} alpha
   * @param {(index: number) => boolean} [which] of them; all without it
   */
  dots(xy, colour, radius, alpha, which) {
    const context = this.#context;
    const size = radius * this.#unit;
    context.globalAlpha = alpha;
    context.fillStyle = theme.colour(colour);
    context.beginPath();
    for (let i = 0; 2 * i < xy.length; i++) {
      if (which?.(i) === false) continue;
      const [x, y] = [this.#at(xy[2 * i]), this.#at(xy[2 * i + 1])];
      context.moveTo(x + size, y);
      context.arc(x, y, size, 0, 2 * Math.PI);
    }
    context.fill();
  }

  /**
   * A ring around a point.
   * @param {number} x
   * @param {number} y
   * @param {ColourName} colour
   * @param {number} radius
   */
  ring(x, y, colour, radius) {
    const context = this.#context;
    context.globalAlpha = 1;
    context.lineWidth = 2 * this.#unit;
    context.strokeStyle = theme.colour(colour);
    context.beginPath();
    context.arc(this.#at(x), this.#at(y), radius * this.#unit, 0, 2 * Math.PI);
    context.stroke();
  }

  /**
   * A line through points.
   * @param {readonly (readonly [number, number])[]} points
   * @param {ColourName} colour
   * @param {number} width
   * @param {number} alpha
   */
  line(points, colour, width, alpha) {
    const context = this.#context;
    context.globalAlpha = alpha;
    context.lineWidth = width * this.#unit;
    context.lineJoin = "round";
    context.strokeStyle = theme.colour(colour);
    context.beginPath();
    points.forEach(([x, y], i) => {
      if (i === 0) context.moveTo(this.#at(x), this.#at(y));
      else context.lineTo(this.#at(x), this.#at(y));
    });
    context.stroke();
  }

  /**
   * Arrows from points.
   * @param {Float32Array} from [n, 2]
   * @param {Float32Array} way [n, 2]
   * @param {ColourName} colour
   */
  arrows(from, way, colour) {
    const context = this.#context;
    context.globalAlpha = 0.75;
    context.lineWidth = this.#unit;
    context.strokeStyle = theme.colour(colour);
    const head = 3 * this.#unit;
    context.beginPath();
    for (let i = 0; i < from.length; i += 2) {
      const [x, y] = [this.#at(from[i]), this.#at(from[i + 1])];
      const [toX, toY] = [this.#at(from[i] + way[i]), this.#at(from[i + 1] + way[i + 1])];
      const length = Math.hypot(toX - x, toY - y);
      if (length < 0.6 * this.#unit) continue;
      const [alongX, alongY] = [(toX - x) / length, (toY - y) / length];
      const size = Math.min(head, length * 0.6);
      context.moveTo(x, y);
      context.lineTo(toX, toY);
      context.moveTo(toX - size * (alongX - 0.6 * alongY), toY - size * (alongY + 0.6 * alongX));
      context.lineTo(toX, toY);
      context.lineTo(toX - size * (alongX + 0.6 * alongY), toY - size * (alongY - 0.6 * alongX));
    }
    context.stroke();
  }
}

/** Of a square grid over the plane, the centres of the cells. @param {number} side @returns {Float32Array} [side², 2] */
export const gridOf = (side) =>
  Float32Array.from({ length: 2 * side * side }, (_, k) => {
    const cell = k >> 1;
    const index = k % 2 === 0 ? cell % side : Math.floor(cell / side);
    return ((index + 0.5) * 2 * REACH) / side - REACH;
  });

/**
 * Arrows along a score, as long as fits into the cells.
 * @param {Float32Array} score [side², 2]
 * @param {number} alphaCumprod
 * @param {number} side
 */
export function arrowsAlong(score, alphaCumprod, side) {
  const longest = (0.86 * 2 * REACH) / side;
  const way = new Float32Array(score.length);
  for (let i = 0; i < score.length; i += 2) {
    // By the variance the score is where the mean of all origins lies, seen from here.
    const [x, y] = [score[i] * (1 - alphaCumprod), score[i + 1] * (1 - alphaCumprod)];
    const length = Math.hypot(x, y);
    const share = length > 0 ? (longest * Math.tanh(1.6 * length)) / length : 0;
    way[i] = share * x;
    way[i + 1] = share * y;
  }
  return way;
}
