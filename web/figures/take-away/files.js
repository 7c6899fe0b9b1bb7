// Files of what the figures keep: PNG by the browser, GIF and safetensors by the crate.

import { pixels, valuesOf } from "../../screen/paint.js";

/** @typedef {import("../../client/arithmetic.js").Arithmetic} Arithmetic */
/** @typedef {import("../shared/history.js").WalkKept} WalkKept */
/** @typedef {import("../shared/history.js").WallKept} WallKept */

/** Frames of an animation at most; of a longer walk some are left out. */
const MOST_FRAMES = 100;
const FRAME_CENTISECONDS = 4;
/** The wall takes fewer steps, and each is to be seen. */
const WALL_CENTISECONDS = 12;
const LAST_CENTISECONDS = 150;

/** Sides of the pictures in pixels, about: of one image, and of the wall. */
export const SIZES = {
  small: { walk: 112, wall: 280 },
  medium: { walk: 224, wall: 560 },
  large: { walk: 448, wall: 1120 },
};
/** @typedef {keyof typeof SIZES} Size */

/**
 * How many pixels each pixel becomes.
 * @param {number} width of all images in a row
 * @param {number} wish
 */
export const scaleFor = (width, wish) => Math.max(1, Math.round(wish / width));

/** All states of the walk so far, noise first. @param {WalkKept} walk @returns {Float32Array[]} */
export function states({ frames, xt }) {
  const last = frames.at(-1);
  return last === undefined ? [xt] : [...frames.map((frame) => frame.xt), last.xPrev];
}

/** Which of n frames are shown: the first, the last, and evenly between. @param {number} n */
export function chosen(n) {
  const count = Math.min(n, MOST_FRAMES);
  if (count < 2) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (n - 1)) / (count - 1)));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
function toPng(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null)
        reject(new Error("The browser could not make the PNG; try a smaller size."));
      else resolve(blob);
    }, "image/png");
  });
}

/** @param {number} width @param {number} height */
function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser has no canvas to draw on.");
  context.imageSmoothingEnabled = false;
  return { canvas, context };
}

/**
 * Images in a grid, each pixel `scale` pixels wide, with a gap between them.
 * @param {Float32Array} values [count, channels, h, w]
 * @param {number[]} shape
 * @param {number} columns
 * @param {number} scale
 * @returns {Promise<Blob>}
 */
export function pngOf(values, shape, columns, scale) {
  const [count = 1, , height = 1, width = 1] = shape;
  const gap = 2;
  const small = canvasOf(width, height);
  const rows = Math.ceil(count / columns);
  const { canvas, context } = canvasOf(
    columns * (width * scale + gap) - gap,
    rows * (height * scale + gap) - gap,
  );
  context.fillStyle = "#404040";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < count; i++) {
    small.context.putImageData(pixels(values, shape, {}, i), 0, 0);
    const x = (i % columns) * (width * scale + gap);
    const y = Math.floor(i / columns) * (height * scale + gap);
    context.drawImage(small.canvas, x, y, width * scale, height * scale);
  }
  return toPng(canvas);
}

/**
 * @param {Arithmetic} arithmetic
 * @param {WalkKept} walk
 * @param {{ scale: number, guess: boolean }} options guess: x_0-hat next to each state
 * @param {AbortSignal} signal
 */
export function gifOfWalk(arithmetic, walk, { scale, guess }, signal) {
  const all = states(walk);
  const { frames } = walk;
  const beside = guess && frames.length > 0;
  const images = chosen(all.length).map((i) => {
    const state = all[i] ?? walk.xt;
    const x0 = (frames[i] ?? frames.at(-1))?.x0;
    return beside && x0 !== undefined ? joined([state, x0]) : state;
  });
  const shape = [beside ? 2 : 1, ...walk.shape.slice(1)];
  return gif(arithmetic, images, { shape, columns: 2, scale, each: FRAME_CENTISECONDS }, signal);
}

/**
 * @param {Arithmetic} arithmetic
 * @param {WallKept} wall
 * @param {number} scale
 * @param {AbortSignal} signal
 */
export function gifOfWall(arithmetic, { frames, shape, columns }, scale, signal) {
  const images = frames.map(valuesOf);
  return gif(arithmetic, images, { shape, columns, scale, each: WALL_CENTISECONDS }, signal);
}

/**
 * @param {Arithmetic} arithmetic
 * @param {Float32Array[]} images
 * @param {{ shape: number[], columns: number, scale: number, each: number }} how
 * @param {AbortSignal} signal
 */
function gif(arithmetic, images, { shape, columns, scale, each }, signal) {
  const last = images.length - 1;
  const frames = images.map((values, i) => ({
    images: values,
    shape,
    centiseconds: i === last ? LAST_CENTISECONDS : each,
  }));
  return arithmetic.gif({ columns, scale, frames }, signal);
}

/**
 * x_t of all states, and for each step its timestep, x_0-hat and eps-hat.
 * @param {Arithmetic} arithmetic
 * @param {WalkKept} walk
 * @param {AbortSignal} signal
 */
export function tensorsOfWalk(arithmetic, walk, signal) {
  const { frames, shape } = walk;
  const image = shape.slice(1);
  const all = states(walk);
  const tensors = [{ name: "x_t", shape: [all.length, ...image], values: joined(all) }];
  if (frames.length > 0) {
    const steps = [frames.length, ...image];
    tensors.push(
      { name: "x_0", shape: steps, values: joined(frames.map(({ x0 }) => x0)) },
      { name: "eps", shape: steps, values: joined(frames.map(({ eps }) => eps)) },
      {
        name: "timesteps",
        shape: [frames.length],
        values: Float32Array.from(frames, ({ timestep }) => timestep),
      },
    );
  }
  return arithmetic.safetensors({ tensors }, signal);
}

/** @param {Float32Array[]} arrays */
function joined(arrays) {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/**
 * Hands a file to the visitor, as a link with a name does.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  // The browser has taken the address when the click is over, but some read it a little later.
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
}
