// The page's figures without a worker: index.html with this in place of web/main.js. What the network and the
// arithmetic are asked is written down and answered at once with zeros, so that a test can say which device computes
// and how the page is left.

import { createGate } from "../../web/basics/gate.js";
import { placeFigures } from "../../web/figures/shared/figure.js";
import { figures as ofTheModel, lastingFigures } from "../../web/figures/list.js";
import { loadDigits } from "../../web/client/digits.js";
import { History } from "../../web/figures/shared/history.js";
import { properties } from "../../web/settings/list.js";
import { AllSettings } from "../../web/settings/kept-in-address.js";

/** @typedef {import("../../web/protocol/messages.js").ChainOptions} ChainOptions */
/** @typedef {import("../../web/protocol/messages.js").Loaded} Loaded */
/** @typedef {{ options: ChainOptions, steps: number, closed: boolean }} Asked a chain, and how many steps it took */
/**
 * @typedef {object} Wish
 * @property {"webgpu" | "cpu"} [device]
 * @property {number[]} [shape] of an image, [1, channels, h, w]
 * @property {string[]} [only] the figures that are there; all without it
 */

const T = 1000;
/** A step takes as long, in milliseconds. */
const STEP = 2;

/** @type {Asked[]} */
const chains = [];
/** How many images the network was asked about, call by call. @type {number[]} */
const counts = [];
/** Chains take no step while it is shut. */
const gate = createGate();

/** @param {number} size */
const zeros = (size) => new Float32Array(size);
const soon = () => new Promise((resolve) => setTimeout(resolve, STEP));

/** @param {number[]} shape */
function standIn([, ...image]) {
  const size = image.reduce((a, b) => a * b, 1);
  const engine = {
    /** @param {ChainOptions} options @param {AbortSignal} [signal] */
    async open(options, signal) {
      if (signal?.aborted) return null;
      const ending = new AbortController();
      const { count, from, numInferenceSteps: wanted } = options;
      const begin = from?.timestep ?? T - 1;
      const length = Math.max(1, Math.round((wanted * (begin + 1)) / T));
      const timesteps = Uint32Array.from({ length }, (_, i) =>
        Math.floor(begin * (1 - i / length)),
      );
      /** @type {Asked} */
      const asked = { options: { ...options }, steps: 0, closed: false };
      chains.push(asked);
      const close = () => {
        asked.closed = true;
        ending.abort();
      };
      signal?.addEventListener("abort", close);
      const total = count * size;
      const step = async () => {
        await soon();
        await gate.pass(ending.signal);
        if (asked.closed) return null;
        const index = asked.steps++;
        counts.push(count);
        return {
          index,
          timestep: timesteps[index] ?? 0,
          xt: zeros(total),
          x0: zeros(total),
          eps: zeros(total),
          xPrev: zeros(total),
          done: index === length - 1,
          milliseconds: STEP,
          dispatches: 0,
        };
      };
      const alphasCumprod = new Float64Array(length + 1).fill(0.5);
      return {
        timesteps,
        alphasCumprod,
        shape: [count, ...image],
        xt: zeros(total),
        step,
        advance: step,
        close,
      };
    },
    /** @param {{ count: number }} params */
    async denoise({ count }) {
      await soon();
      counts.push(count);
      const values = () => zeros(count * size);
      return { output: values(), x0: values(), eps: values() };
    },
    /** As with one worker. @param {object[]} pieces @param {import("../../web/client/crew.js").Sharing<object>} how */
    async share(pieces, { ready, work, signal }) {
      for (const piece of pieces) {
        await ready();
        if (signal.aborted) return;
        await work(piece, null);
      }
    },
    workers: 1,
    boundTerm: async () => 0.1,
    priorTerm: async () => 0.1,
  };
  const arithmetic = {
    /** @param {{ draws: number, size: number }} params */
    noise: async ({ draws, size }) => zeros(draws * size),
    /** @param {{ x0: Float32Array }} params */
    addNoise: async ({ x0 }) => x0.slice(),
    /** @param {{ xt: Float32Array }} params */
    removeNoise: async ({ xt }) => xt.slice(),
    /** @param {{ a: Float32Array }} params */
    slerp: async ({ a }) => a.slice(),
  };
  return { engine, arithmetic };
}

/** @type {Loaded | null} */
let loaded = null;
/** @type {() => void} */
let end = () => {};

/** @param {"webgpu" | "cpu"} device @param {number[]} shape @returns {Loaded} */
function loadedOn(device, [, channels = 1, height = 28, width = 28]) {
  const digits = Array.from({ length: 10 }, (_, digit) => String(digit));
  const alphasCumprod = Float64Array.from({ length: T }, (_, t) => 0.99 ** (t + 1));
  return {
    info: {
      device,
      adapter: "",
      parameters: 1e6,
      notes: [],
      imageSize: [height, width],
      channels,
      classes: digits,
      nullLabel: 10,
      trainTimesteps: T,
      predictionType: "epsilon",
    },
    schedule: {
      betas: new Float64Array(T).fill(0.01),
      alphasCumprod,
      logSnr: alphasCumprod.map((abar) => Math.log(abar / (1 - abar))),
    },
    notice: null,
    check: { against: "none", difference: 0 },
    software: false,
    best: null,
    optimum: null,
    stepTimes: {},
  };
}

const figures = { ...lastingFigures, ...ofTheModel };

/** @param {Wish} wish */
function show({ device = "cpu", shape = [1, 1, 28, 28], only = Object.keys(figures) }) {
  end();
  for (const section of document.querySelectorAll("section")) {
    const names = [section, ...section.querySelectorAll("[data-figure]")].map(
      (place) => place.getAttribute("data-figure") ?? "",
    );
    section.hidden =
      names.some((name) => name !== "") && !names.some((name) => only.includes(name));
  }
  const it = loadedOn(device, shape);
  loaded = it;
  const limits = { trainTimesteps: T, classes: 10, anyLabel: true };
  const allSettings = new AllSettings(properties, limits, () => {});
  const entries = Object.fromEntries(
    Object.entries(figures).filter(([name]) => only.includes(name)),
  );
  const endFigures = placeFigures(entries, {
    .../** @type {any} */ (standIn(shape)),
    loaded: it,
    shape,
    allSettings,
    linked: true,
    digits: loadDigits,
    history: new History(),
    calm: false,
  });
  end = () => {
    allSettings.end();
    endFigures();
  };
}

/** What computes from now on. @param {"webgpu" | "cpu"} device */
function computeOn(device) {
  // As main.js does it: the figures have this very object.
  if (loaded !== null) Object.assign(loaded, { info: { ...loaded.info, device } });
}

Object.assign(globalThis, { show, computeOn, chains, counts, gate, endFigures: () => end() });
