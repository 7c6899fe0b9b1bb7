// Figure 3: noise is put into an image, all at once by eq. 4 and one step after the other, and both
// are the same distribution. Needs no network, so it is the same for every model.

import { latest } from "../basics/latest.js";
import { createButton } from "../parts/button.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { createTile } from "../parts/tile.js";
import { h } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { bind } from "../settings/bind.js";
import { createMore } from "./shared/more.js";
import { createGraphs } from "./walk-forward/graphs.js";
import { createPicture } from "./walk-forward/picture.js";
import { createSchedules, loadSchedules, nearestSchedule } from "./walk-forward/schedules.js";
import { shareOf, varianceOf } from "./walk-forward/statistics.js";
import { createTable } from "./walk-forward/table.js";
import { WALKS, Walkers } from "./walk-forward/walkers.js";

/** @typedef {import("./walk-forward/walkers.js").Plan} Plan */
/** @typedef {import("../protocol/messages.js").ForwardState} ForwardState */

/** The walks' variance is drawn at this many times at most. */
const TRACED = 100;

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const { arithmetic, loaded } = context;
  const digits = await context.digits();
  const curves = await loadSchedules(arithmetic, loaded.info.trainTimesteps);
  return new WalkForward(root, context, digits, curves);
}

class WalkForward {
  #context;
  #settings;
  #binding;
  #curves;
  #shape;
  #picture;
  #walkers;
  #atOnce;
  #schedules;
  #slider;
  /** @type {Plan | null} */
  #plan = null;
  /** The noise that is put in at once. @type {{ seed: number, eps: Float32Array } | null} */
  #noise = null;
  /** Steps from one time of the trace to the next. */
  #stride;
  /** The variance of the walks after every stride. @type {(number | null)[]} */
  #trace = [];
  /** What is to be drawn with the next frame of the screen. @type {ForwardState | null} */
  #newest = null;
  #showSoon = withNextFrame(() => {
    const newest = this.#newest;
    this.#newest = null;
    if (newest !== null) this.#showWalks(newest);
  });

  /**
   * @param {HTMLElement} root
   * @param {import("./shared/figure.js").Context} context
   * @param {import("../client/digits.js").Digits} digits
   * @param {Awaited<ReturnType<typeof loadSchedules>>} curves
   */
  constructor(root, context, digits, curves) {
    const { arithmetic, loaded, allSettings, fail } = context;
    const T = loaded.info.trainTimesteps;
    this.#context = context;
    this.#curves = curves;
    this.#shape = [1, 1, digits.height, digits.width];
    this.#settings = allSettings.group("forward");
    this.#picture = createPicture({
      digits,
      onChange: (choice) => {
        this.#settings.set(choice);
        this.#begin();
      },
      refuse: (drawing) => {
        this.#settings.assume({ drawing: "" });
        allSettings.refuse("forward.drawing", `${drawing.slice(0, 12)}…`, "a test digit");
      },
    });
    this.#picture.element.dataset["setting"] = this.#settings.key("digit");
    this.#picture.show(this.#settings.values);
    this.#binding = bind(
      this.#settings,
      {
        t: (options) =>
          createSlider({
            label: "Time t",
            min: -1,
            max: T - 1,
            format: (t) => (t < 0 ? "the image" : String(t)),
            ...options,
          }),
        seed: createSeed,
        naive: (options) =>
          createSwitch({
            label: "Forget to shrink the image",
            hint: "Without the factor √(1 − β), which makes it fainter in every step.",
            ...options,
          }),
        schedule: (options) =>
          createSchedules({ curves, ...options, onSeek: (t) => this.#seek(t) }),
      },
      {
        decided: { schedule: () => this.#schedule() },
        changed: (name) => {
          if (name === null) this.#picture.show(this.#settings.values);
          if (name === "t") this.#go(this.#settings.values.t);
          else this.#begin();
        },
      },
    );
    const { t: slider, seed, naive, schedule: schedules } = this.#binding.controls;
    this.#slider = slider;
    this.#schedules = schedules;
    this.#stride = Math.ceil(T / TRACED);
    this.#walkers = new Walkers(
      arithmetic,
      this.#stride,
      (state, arrived) => {
        this.#record(state);
        if (!arrived && context.calm) return;
        this.#newest = state;
        this.#showSoon();
      },
      fail,
    );
    this.#atOnce = latest(
      (signal, /** @type {Plan} */ plan, /** @type {number} */ t) =>
        this.#putInAtOnce(signal, plan, t),
      fail,
    );

    const buttons = h(
      "div",
      { class: "row" },
      createButton({ name: "Step", onPress: () => this.#move(1) }).element,
      createButton({ name: "50 steps", onPress: () => this.#move(50) }).element,
      createButton({ name: "Back to the image", onPress: () => this.#seek(-1) }).element,
    );
    root.append(
      h(
        "div",
        { class: "forward" },
        h(
          "div",
          { class: "stack" },
          this.#pairs(),
          h("div", { class: "forward-time" }, this.#slider.element, buttons),
          this.#table.element,
        ),
        h(
          "div",
          { class: "stack" },
          this.#picture.element,
          createMore(naive.element, schedules.element, seed.element),
        ),
      ),
      this.#graphs.element,
      this.#schedules.plots,
    );
    this.#begin();
  }

  #tiles = {
    atOnce: createTile({ term: "x_t", caption: "one image", empty: "Not ready yet" }),
    atOnceMean: createTile({ caption: "the mean", empty: "Not ready yet" }),
    walk: createTile({ term: "x_t", caption: "one walk", empty: "Not ready yet" }),
    walkMean: createTile({ caption: `mean of ${WALKS} walks`, empty: "Not ready yet" }),
  };
  #table = createTable();
  #graphs = createGraphs((t) => this.#seek(t));

  #pairs() {
    const { atOnce, atOnceMean, walk, walkMean } = this.#tiles;
    /** @param {string} title @param {...HTMLElement} tiles */
    const pair = (title, ...tiles) =>
      h(
        "div",
        { class: "forward-pair", role: "group", "aria-label": title },
        h("p", { class: "plot-title" }, title),
        ...tiles,
      );
    return h(
      "div",
      { class: "forward-pairs" },
      pair("All at once", atOnce.element, atOnceMean.element),
      pair("Step by step", walk.element, walkMean.element),
    );
  }

  /** @param {boolean} resting */
  rest(resting) {
    this.#walkers.rest(resting);
    this.#atOnce.rest(resting);
  }

  dispose() {
    this.#binding.dispose();
    this.#atOnce.cancel();
    this.#walkers.end();
    this.#graphs.dispose();
    this.#schedules.dispose();
  }

  /** The schedule in use: until the visitor chooses one, the model's. */
  #schedule() {
    return this.#settings.decide("schedule", () =>
      nearestSchedule(this.#curves, this.#context.loaded.schedule),
    );
  }

  /** The alpha-bar of the schedule in use. @param {number} t -1 is the image itself */
  #alphaCumprod(t) {
    return t < 0 ? 1 : (this.#curves.get(this.#schedule())?.alphasCumprod[t] ?? NaN);
  }

  /** New walks, from what is chosen now. */
  #begin() {
    const { seed, naive, t } = this.#settings.values;
    const betas = this.#curves.get(this.#schedule())?.betas ?? new Float64Array();
    this.#newest = null;
    this.#plan = { x0: this.#picture.x0, betas, seed, naive };
    this.#go(t);
  }

  /** @param {number} t */
  #seek(t) {
    const value = Math.min(this.#context.loaded.info.trainTimesteps - 1, Math.max(-1, t));
    this.#slider.value = value;
    this.#settings.set({ t: value });
    this.#go(value);
  }

  /** @param {number} steps */
  #move(steps) {
    this.#seek(this.#settings.values.t + steps);
  }

  /** @param {number} t */
  #go(t) {
    if (this.#plan === null) return;
    this.#walkers.go(this.#plan, t + 1);
    this.#atOnce.ask(this.#plan, t);
    this.#schedules.mark(t);
    this.#graphs.mark(t);
  }

  /** eq. 4, for as many images as there are walks. @param {AbortSignal} signal @param {Plan} plan @param {number} t */
  async #putInAtOnce(signal, plan, t) {
    const { arithmetic } = this.#context;
    const { x0, seed } = plan;
    const size = x0.length;
    const count = WALKS * size;
    if (this.#noise?.seed !== seed) {
      const eps = await arithmetic.noise({ seed, draws: 1, size: count }, signal);
      this.#noise = { seed, eps };
    }
    // Behind the images: the mean, which is the image with no noise, and one unit of noise alone.
    const images = new Float32Array(count + size + 1);
    for (let i = 0; i <= WALKS; i++) images.set(x0, i * size);
    const eps = new Float32Array(images.length);
    eps.set(this.#noise.eps);
    eps[count + size] = 1;
    const alphaCumprod = this.#alphaCumprod(t);
    const xt = await arithmetic.addNoise({ x0: images, eps, alphaCumprod }, signal);
    if (signal.aborted) return;
    const mean = xt.subarray(count, count + size);
    const at = t < 0 ? "before the first step" : `at t = ${t}`;
    const { name } = this.#picture;
    this.#tiles.atOnce.show(xt, this.#shape, `All at once: ${name} with noise, ${at}`);
    this.#tiles.atOnceMean.show(mean, this.#shape, `All at once: the mean for ${name}, ${at}`);
    this.#table.show("atOnce", t, shareOf(mean, x0), (xt[count + size] ?? NaN) ** 2);
    this.#graphs.showValues("atOnce", xt.subarray(0, count), t);
  }

  /** @param {ForwardState} state */
  #record({ t: steps, deviation }) {
    const { trainTimesteps } = this.#context.loaded.info;
    if (steps === 0) this.#trace = Array(Math.floor(trainTimesteps / this.#stride)).fill(null);
    else if (steps % this.#stride === 0) {
      this.#trace[steps / this.#stride - 1] = varianceOf(deviation, WALKS);
    }
  }

  /** @param {ForwardState} state */
  #showWalks({ t: steps, xt, mean, deviation }) {
    const plan = this.#plan;
    if (plan === null) return;
    const t = steps - 1;
    const at = t < 0 ? "before the first step" : `at t = ${t}`;
    const { name } = this.#picture;
    const naive = plan.naive ? ", never shrunk" : "";
    this.#tiles.walk.show(xt, this.#shape, `Step by step: ${name}, one walk${naive}, ${at}`);
    const text = `Step by step: the mean of ${WALKS} walks from ${name}${naive}, ${at}`;
    this.#tiles.walkMean.show(mean, this.#shape, text);
    const variance = varianceOf(deviation, WALKS);
    this.#table.show("walks", t, shareOf(mean, plan.x0), variance);
    this.#graphs.showValues("walks", xt, this.#settings.values.t);
    const timesteps = this.#trace.map((_, i) => (i + 1) * this.#stride - 1);
    const atOnce = timesteps.map((timestep) => 1 - this.#alphaCumprod(timestep));
    const said = `${variance.toFixed(2)} measured over the walks, ${at}; ${(1 - this.#alphaCumprod(t)).toFixed(2)} all at once`;
    this.#graphs.showVariances(timesteps, atOnce, this.#trace, said);
  }
}
