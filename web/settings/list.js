// The settings of the page as one typed list of properties: what each may be, how it is read from the
// address and written to it. What a model allows (classes, timesteps) is known when it is loaded.

import { MAX_DRAWING } from "./drawing.js";

/**
 * @typedef {object} Limits what the loaded model allows
 * @property {number} trainTimesteps T
 * @property {number} classes how many, 0 if unconditional
 * @property {boolean} anyLabel whether the model can be asked for any class
 * @property {number | null} [nullLabel] the label that stands for that, which is no class
 */

/**
 * @template T
 * @typedef {object} Property
 * @property {(limits: Limits) => T} initial
 * @property {(text: string, limits: Limits) => { value: T, exact: boolean } | undefined} read the nearest possible value; undefined where the text cannot be read
 * @property {(value: T) => string} write
 */

/** @template P @typedef {{ [K in keyof P]: P[K] extends Property<infer T> ? T : never }} Values */

/**
 * @template {string} T
 * @param {readonly T[]} choices the first is the default
 * @returns {Property<T>}
 */
function oneOf(choices) {
  const [initial] = choices;
  if (initial === undefined) throw new RangeError("a property needs a choice");
  return {
    initial: () => initial,
    read: (text) => {
      const value = choices.find((choice) => choice === text);
      return value === undefined ? undefined : { value, exact: true };
    },
    write: (value) => value,
  };
}

/** @param {boolean} initial @returns {Property<boolean>} */
function flag(initial) {
  return {
    initial: () => initial,
    read: (text) => ({ value: text === "1", exact: text === "1" || text === "0" }),
    write: (value) => (value ? "1" : "0"),
  };
}

/** A number as it stands in the address; NaN where it is none. @param {string} text */
const numberIn = (text) => (text.trim() === "" ? NaN : Number(text));

/**
 * @param {number} low
 * @param {number | ((limits: Limits) => number)} high
 * @param {number} initial
 * @param {number} [step] between possible values; 1 is a multiple of it
 * @returns {Property<number>}
 */
function between(low, high, initial, step = 1) {
  /** @param {Limits} limits */
  const top = (limits) => (typeof high === "number" ? high : high(limits));
  return {
    initial: (limits) => Math.min(top(limits), initial),
    read(text, limits) {
      const wish = numberIn(text);
      if (Number.isNaN(wish)) return undefined;
      const clamped = Math.min(top(limits), Math.max(low, wish));
      // A quotient of whole numbers: 3 / 10 is what 0.3 reads as, and 3 * 0.1 is not.
      const parts = Math.round(1 / step);
      // -0 becomes 0.
      const value = Math.round(clamped * parts) / parts + 0;
      return { value, exact: value === wish };
    },
    write: String,
  };
}

/** What a slider of this range can be set to. @param {{ min: number, max: number, step: number }} range @param {number} initial */
const ranged = ({ min, max, step }, initial) => between(min, max, initial, step);

/** A timestep of the schedule, 0..T-1. @param {number} initial */
const timestep = (initial) => between(0, ({ trainTimesteps }) => trainTimesteps - 1, initial);

/**
 * One of a few numbers.
 * @param {readonly number[] | ((limits: Limits) => readonly number[])} choices ascending, not empty
 * @param {number} initial
 * @returns {Property<number>}
 */
function listed(choices, initial) {
  /** @param {Limits} limits */
  const list = (limits) => (typeof choices === "function" ? choices(limits) : choices);
  return {
    initial: (limits) => nearest(list(limits), initial),
    read(text, limits) {
      const wish = numberIn(text);
      if (Number.isNaN(wish)) return undefined;
      const value = nearest(list(limits), wish);
      return { value, exact: value === wish };
    },
    write: String,
  };
}

/**
 * A value, or null where it is left to the page.
 * @template T
 * @param {Property<T>} property
 * @returns {Property<T | null>}
 */
function optional({ read, write }) {
  return {
    initial: () => null,
    read,
    write: (value) => (value === null ? "" : write(value)),
  };
}

/**
 * A class, or null for any.
 * @param {number | null} initial
 * @returns {Property<number | null>}
 */
function classLabel(initial) {
  /** @param {number | null} wish @param {Limits} limits */
  const fit = (wish, { classes, anyLabel, nullLabel = null }) => {
    if (classes === 0) return null;
    if (wish === null) return anyLabel ? null : 0;
    const label = Math.min(classes - 1, Math.max(0, Math.round(wish)));
    return label === nullLabel ? null : label;
  };
  return {
    initial: (limits) => fit(initial, limits),
    read(text, limits) {
      const wish = text === "any" ? null : numberIn(text);
      if (Number.isNaN(wish)) return undefined;
      const value = fit(wish, limits);
      return { value, exact: value === wish };
    },
    write: (value) => (value === null ? "any" : String(value)),
  };
}

/** How many steps a walk takes. */
const stepCount = listed(({ trainTimesteps }) => stepChoices(trainTimesteps), 100);

/** The largest seed of the noise stream: it is taken modulo 2^32. */
export const MAX_SEED = 2 ** 32 - 1;

/** The ranges of sliders that several figures have, or whose values are no whole numbers. */
export const GUIDANCE = { min: 0, max: 4, step: 0.25 };
export const ETA = { min: 0, max: 1, step: 0.1 };
export const SHARE = { min: 0, max: 1, step: 0.01 };

/** The lists of sliders. */
export const MANY_STEPS = [4, 8, 12, 25, 50, 100, 250];
export const RESAMPLINGS = [1, 2, 3, 5, 10];
export const PLANE_STEPS = [1, 2, 3, 5, 10, 20, 50, 100, 250, 1000];

const seed = between(0, MAX_SEED, 1);
/** @typedef {import("../protocol/messages.js").BackSampler} BackSampler */

/** The samplers of a chain, the one to begin with first. @param {BackSampler} first @returns {BackSampler[]} */
const samplers = (first) => {
  /** @type {BackSampler[]} */
  const all = ["ddpm", "ddim", "dpm++", "euler", "euler_a", "heun", "unipc"];
  return [first, ...all.filter((one) => one !== first)];
};
const sampler = oneOf(samplers("ddpm"));
const spacing = oneOf(/** @type {const} */ (["leading", "linspace", "trailing"]));
/** One of the page's 100 real digits, ten of each class in order. @param {number} initial */
const testDigit = (initial) => between(0, 99, initial);

/** A pattern of yes and no as hexadecimal digits; "" where there is none. @type {Property<string>} */
const bits = {
  initial: () => "",
  read: (text) => (/^[0-9a-f]{0,256}$/.test(text) ? { value: text, exact: true } : undefined),
  write: (value) => value,
};

/** A drawing, as drawing.js writes it; "" where there is none. @type {Property<string>} */
const drawing = {
  initial: () => "",
  read: (text) =>
    /^[\w-]*$/.test(text) && text.length <= MAX_DRAWING ? { value: text, exact: true } : undefined,
  write: (value) => value,
};

/**
 * One of several chains.
 * @param {BackSampler} first its default
 */
const chain = (first) => ({
  sampler: oneOf(samplers(first)),
  eta: ranged(ETA, 0),
  // Trailing: all begin at T-1.
  spacing: oneOf(/** @type {const} */ (["trailing", "linspace", "leading"])),
  steps: optional(stepCount),
  guidance: ranged(GUIDANCE, 1),
});

/** All that the page's address can say behind the #, by figure. The hero's names stand without a prefix. */
export const properties = {
  walk: {
    label: classLabel(3),
    guidance: ranged(GUIDANCE, 1),
    seed,
    sampler,
    eta: ranged(ETA, 0),
    spacing,
    // Left to the page, the number of steps suits the device.
    steps: optional(stepCount),
    speed: oneOf(/** @type {const} */ (["1", "0.25", "0.5", "2", "4", "max"])),
    // Steps taken where the walk is paused; null while it walks.
    at: optional(between(0, ({ trainTimesteps }) => trainTimesteps, 0)),
  },

  plane: {
    shape: oneOf(/** @type {const} */ (["moons", "spiral", "ring", "letters", "own"])),
    // Of a shape of one's own.
    points: drawing,
    steps: listed(PLANE_STEPS, 50),
    // -1 is the points themselves; null while it runs. It has a chain of its own, whatever the model's is.
    t: optional(between(-1, 999, 0)),
    seed,
    learned: flag(false),
    label: oneOf(/** @type {const} */ (["any", "first", "second"])),
    guidance: ranged(GUIDANCE, 1),
    schedule: oneOf(/** @type {const} */ (["linear", "squaredcos_cap_v2"])),
  },

  forward: {
    digit: testDigit(30),
    // In place of the digit.
    drawing,
    // -1 is the image, before the first step.
    t: between(-1, ({ trainTimesteps }) => trainTimesteps - 1, 300),
    seed,
    // Left to the page, the model's own.
    schedule: optional(
      oneOf(/** @type {const} */ (["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"])),
    ),
    naive: flag(false),
  },

  learn: {
    digit: testDigit(30),
    t: timestep(400),
    seed,
  },

  jump: {
    seed,
    // Any: the mean of all digits is what the first guess is compared with.
    label: classLabel(null),
    sampler: oneOf(/** @type {const} */ (["ddpm", "ddim"])),
  },

  many: {
    digit: testDigit(30),
    t: timestep(600),
    told: flag(false),
    // Left to the page, the number of steps suits the device.
    steps: optional(listed(MANY_STEPS, 12)),
    seed,
  },

  posterior: {
    digit: testDigit(30),
    seed,
    told: flag(true),
    steps: optional(stepCount),
  },

  inside: {
    digit: testDigit(30),
    t: timestep(400),
    // The time of the noise in the picture, where that is not t.
    held: optional(timestep(0)),
    // The cell at the bottom that attention is shown of, in reading order; left to the page, one of ink.
    place: optional(between(0, 4095, 0)),
  },

  compare: {
    seed,
    label: classLabel(3),
    third: flag(true),
    show: oneOf(/** @type {const} */ (["xt", "x0"])),
    // Thousandths of the way; at the end the chains are followed as they walk.
    at: between(0, 1000, 1000),
  },
  compareA: chain("ddpm"),
  compareB: chain("ddim"),
  compareC: chain("dpm++"),

  wall: {
    seed,
    guidance: ranged(GUIDANCE, 1),
    // Left to the page, the number of steps suits the device.
    steps: optional(listed(({ trainTimesteps }) => wallSteps(trainTimesteps), 10)),
  },

  scribble: {
    // Left to the page, a real digit.
    drawing,
    t: timestep(500),
    label: classLabel(2),
    seed,
  },

  repaint: {
    digit: testDigit(30),
    mask: bits,
    label: classLabel(null),
    resamplings: listed(RESAMPLINGS, 3),
    seed,
  },

  between: {
    from: seed,
    to: between(0, MAX_SEED, 2),
    label: classLabel(null),
    share: ranged(SHARE, 0.5),
  },
};

/** The settings of figures that need no model: they are there before one, and stay when another comes. @type {readonly GroupName[]} */
export const LASTING = ["plane"];

/** @typedef {typeof properties} Properties */
/** @typedef {keyof Properties} GroupName */

/**
 * The numbers of steps a walk can be taken in: the divisors of T from 10 up, so that strided walks
 * begin near T and end at 0.
 * @param {number} trainTimesteps T
 * @returns {number[]} ascending, never empty
 */
export function stepChoices(trainTimesteps) {
  const all = Array.from({ length: trainTimesteps }, (_, i) => i + 1);
  const divisors = all.filter((n) => n >= 10 && trainTimesteps % n === 0);
  if (divisors.length >= 4) return divisors;
  const round = [10, 20, 50, 100, 200, 500].filter((n) => n < trainTimesteps);
  return [...round, trainTimesteps];
}

/**
 * The numbers of steps of the wall's walks.
 * @param {number} trainTimesteps T
 * @returns {number[]} ascending, never empty
 */
export function wallSteps(trainTimesteps) {
  const most = Math.min(50, trainTimesteps);
  return [...[2, 4, 6, 8, 10, 15, 20, 30].filter((n) => n < most), most];
}

/**
 * @param {readonly number[]} choices ascending, not empty
 * @param {number} wish may be infinite
 * @returns {number} the nearest choice
 */
export function nearest(choices, wish) {
  // All choices are equally far from infinity, and after rounding from 1e20.
  const near = Math.min(Math.max(...choices), Math.max(Math.min(...choices), wish));
  return choices.reduce((best, choice) =>
    Math.abs(choice - near) < Math.abs(best - near) ? choice : best,
  );
}

/**
 * Which model, where it is to compute, and whether one figure is shown alone: the part of the address before the #,
 * because a change of it reloads the page.
 * @param {URLSearchParams} parameters
 * @returns {{ device: import("../protocol/messages.js").DeviceChoice, model: string | null, embed: string | null }} model: a name or an address, as it stands there; embed: the figure to show alone
 */
export function readWish(parameters) {
  const device = parameters.get("device");
  const model = parameters.get("model")?.trim() ?? "";
  return {
    device: device === "webgpu" || device === "cpu" ? device : "auto",
    model: model === "" ? null : model,
    embed: parameters.get("embed"),
  };
}
