// The three planes: the points drifting into noise, the walk of DDPM back, and that of DDIM.

import { h } from "../../screen/dom.js";
import { densityOn, originsOf, scoreFrom } from "./exact.js";
import { Brush, HEAT_SIDE, arrowsAlong, createHeat, gridOf, paintHeat } from "./paint.js";
import { REACH } from "./shapes.js";

/** @typedef {import("./exact.js").Guess} Guess */
/** @typedef {import("./shapes.js").Points} Points */
/** @typedef {import("./walk.js").Crowds} Crowds */

/** Arrows of a row. */
const ARROWS = 19;
/** The one whose way is drawn. */
export const FOLLOWED = 5;
/** Of the origins those are connected that have at least this share of the greatest weight. */
const SEEN = 0.02;

/** Pixels of a side. */
const [LARGE, SMALL] = [1080, 560];

/**
 * @typedef {object} Scene
 * @property {Points} points
 * @property {number | null} label of the class that is walked to
 * @property {number} alphaCumprod of the time that is shown, below 1
 * @property {Guess | null} guess of the field; null where there are no points
 * @property {Float32Array | null} forward the crowd that drifts
 * @property {number[]} begin the point that each of it comes from
 * @property {Crowds[]} states of the walks so far, x_T first
 * @property {number} at the state that is shown
 * @property {number} glide how far it is on the way to the next state, from 0 to 1
 * @property {[number, number] | null} pointed
 */

/** @param {Float32Array} from @param {Float32Array | undefined} to @param {number} share */
const between = (from, to, share) =>
  to === undefined || share <= 0 ? from : from.map((value, i) => value + share * (to[i] - value));

export function createViews() {
  const heat = createHeat();
  const grid = gridOf(ARROWS);
  const guessed = new Float32Array(grid.length);
  const ddpm = h("canvas", { width: LARGE, height: LARGE });
  const ddim = h("canvas", { role: "img", width: SMALL, height: SMALL });
  const [large, small] = [new Brush(ddpm), new Brush(ddim)];

  /** @param {Brush} brush @param {Scene} scene @param {keyof Crowds} which @param {number} dot */
  const drawWalk = (brush, { states, at, glide, points }, which, dot) => {
    brush.dots(points.xy, "ink", 1.1 * dot, 0.3);
    const now = states[at];
    if (now === undefined) return;
    const crowd = between(now[which], states[at + 1]?.[which], glide);
    brush.dots(crowd, "accent", 2 * dot, 0.85);
    const [x, y] = crowd.subarray(2 * FOLLOWED);
    const way = states
      .slice(0, at + 1)
      .map(
        (state) =>
          /** @type {const} */ ([state[which][2 * FOLLOWED], state[which][2 * FOLLOWED + 1]]),
      );
    brush.line([...way, [x, y]], "paper", 3 * dot, 0.4);
    brush.line([...way, [x, y]], "ink", 1.2 * dot, 0.85);
    brush.dots([x, y], "ink", 4.5 * dot, 1);
    brush.dots([x, y], "accent", 2.8 * dot, 1);
  };

  /** Where a noisy point may have come from. @param {Scene} scene @param {[number, number]} point */
  const drawOrigins = ({ points, label, alphaCumprod }, [x, y]) => {
    const weights = originsOf(points, x, y, alphaCumprod, label);
    const most = weights.reduce((a, b) => Math.max(a, b), 0);
    let [guessX, guessY] = [0, 0];
    weights.forEach((weight, i) => {
      const to = /** @type {const} */ ([points.xy[2 * i], points.xy[2 * i + 1]]);
      guessX += weight * to[0];
      guessY += weight * to[1];
      const share = weight / most;
      if (share < SEEN) return;
      large.line([[x, y], to], "third", 0.6 + 1.2 * share, 0.15 + 0.75 * share);
    });
    large.dots([x, y], "ink", 4, 1);
    large.ring(guessX, guessY, "paper", 7.5);
    large.ring(guessX, guessY, "ink", 6);
  };

  return {
    ddpm,
    ddim,
    /** @param {Scene} scene @param {Brush} pad the brush of the plane that is drawn on */
    draw(scene, pad) {
      const { points, label, alphaCumprod, guess, pointed } = scene;
      paintHeat(heat, densityOn(points, alphaCumprod, HEAT_SIDE, REACH, label));

      pad.begin(heat, 1);
      const forward = scene.forward;
      if (forward === null) pad.dots(points.xy, "ink", 2, 0.9);
      else {
        const several = points.classes.length > 0;
        /** @param {number} i */
        const first = (i) => points.labels[scene.begin[i]] === 0;
        pad.dots(forward, several ? "accent" : "ink", 1.9, 0.85, first);
        if (several) pad.dots(forward, "third", 1.9, 0.85, (i) => !first(i));
      }

      large.begin(heat, 0.85);
      if (guess !== null) {
        guess(grid, alphaCumprod, guessed);
        const way = arrowsAlong(scoreFrom(grid, guessed, alphaCumprod), alphaCumprod, ARROWS);
        large.arrows(grid, way, "quiet");
      }
      drawWalk(large, scene, "ddpm", 1);
      if (pointed !== null && points.labels.length > 0) drawOrigins(scene, pointed);

      small.begin(heat, 1);
      drawWalk(small, scene, "ddim", 1);
    },
  };
}

/**
 * @param {string} area of the figure's grid
 * @param {HTMLCanvasElement} canvas
 * @param {string} name
 * @param {string} text
 */
export const createPlane = (area, canvas, name, text) =>
  h(
    "figure",
    { class: area },
    h("div", { class: "screen" }, canvas),
    h("figcaption", {}, h("span", {}, h("strong", {}, `${name}: `), text)),
  );
