// What a walk depends on, as one typed list of properties: its default, what it may be, how it is read
// from the address. A value that cannot be read is replaced by the default.

/**
 * @template T
 * @typedef {object} Property
 * @property {T} initial
 * @property {(text: string) => T | undefined} read undefined where the text is no such value
 */

/**
 * @template {string} T
 * @param {readonly T[]} choices the first is the default
 * @returns {Property<T>}
 */
function oneOf(choices) {
  const [initial] = choices;
  if (initial === undefined) throw new RangeError("a property needs a choice");
  return { initial, read: (text) => choices.find((choice) => choice === text) };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} initial
 * @param {boolean} whole
 * @returns {Property<number>}
 */
function between(low, high, initial, whole) {
  return {
    initial,
    read(text) {
      const value = text.trim() === "" ? NaN : Number(text);
      if (Number.isNaN(value)) return undefined;
      const clamped = Math.min(high, Math.max(low, value));
      return whole ? Math.round(clamped) : clamped;
    },
  };
}

/** The largest seed of the noise stream: it is taken modulo 2^32. */
export const MAX_SEED = 2 ** 32 - 1;
export const MAX_GUIDANCE = 4;

/** @type {Property<import("./protocol.js").DeviceChoice>} */
const device = oneOf(/** @type {const} */ (["auto", "webgpu", "cpu"]));

/** @type {Property<string>} a folder below pretrained/ */
const model = {
  initial: "mnist",
  read: (text) => (/^\w[\w.-]{0,63}$/.test(text) ? text : undefined),
};

/** @type {Property<number | null>} a class, or null for any */
const label = {
  initial: 3,
  read: (text) => (text === "any" ? null : between(0, 1e6, 0, true).read(text)),
};

/** @type {Property<number | null>} null: as many as suit the device */
const steps = { initial: null, read: between(1, 1e6, 100, true).read };

const properties = {
  device,
  model,
  label,
  guidance: between(0, MAX_GUIDANCE, 1, false),
  seed: between(0, MAX_SEED, 1, true),
  steps,
};

/**
 * @typedef {object} Settings
 * @property {import("./protocol.js").DeviceChoice} device
 * @property {string} model
 * @property {number | null} label
 * @property {number} guidance
 * @property {number} seed
 * @property {number | null} steps
 */

/**
 * @param {URLSearchParams} parameters of the page's address
 * @returns {Settings}
 */
export function readSettings(parameters) {
  /**
   * @template T
   * @param {Property<T>} property
   * @param {string} name
   * @returns {T}
   */
  const value = ({ initial, read }, name) => {
    const text = parameters.get(name);
    const found = text === null ? undefined : read(text);
    return found === undefined ? initial : found;
  };
  return {
    device: value(properties.device, "device"),
    model: value(properties.model, "model"),
    label: value(properties.label, "label"),
    guidance: value(properties.guidance, "guidance"),
    seed: value(properties.seed, "seed"),
    steps: value(properties.steps, "steps"),
  };
}

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
 * @param {number[]} choices ascending, not empty
 * @param {number} wish
 * @returns {number} the index of the nearest choice
 */
export function nearest(choices, wish) {
  let best = 0;
  choices.forEach((choice, i) => {
    if (Math.abs(choice - wish) < Math.abs((choices[best] ?? Infinity) - wish)) best = i;
  });
  return best;
}
