// Figure 8: one evaluation of the network, seen from inside: what it gets as t, what its channels
// hold on the way down and up, and what the bottom attends to.

import { latest } from "../basics/latest.js";
import { createButton } from "../parts/button.js";
import { createDigitPicker } from "../parts/digit-picker.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { createTile } from "../parts/tile.js";
import { titled } from "../parts/titled.js";
import { h } from "../screen/dom.js";
import { bind } from "../settings/bind.js";
import { digitsFit, labelFor } from "../settings/suit.js";
import { createAttention } from "./inside/attention.js";
import { createEmbedding } from "./inside/embedding.js";
import { createStages } from "./inside/stages.js";
import { createMore } from "./shared/more.js";

/** @typedef {import("./shared/figure.js").Context} Context */
/** @typedef {import("../client/digits.js").Digits} Digits */

/** The noise in the picture, and of a walk that is watched. */
const SEED = 1;
/** Steps of a walk that is watched. */
const STEPS = 40;

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const { engine, loaded } = context;
  const { trainTimesteps } = loaded.info;
  const timesteps = Uint32Array.from({ length: trainTimesteps }, (_, t) => t);
  const [digits, rows] = await Promise.all([
    context.digits(),
    engine.timeEmbeddings({ timesteps }),
  ]);
  return new Inside(root, context, digits, rows);
}

class Inside {
  #context;
  #settings;
  #binding;
  #picker;
  #slider;
  #watchButton;
  #embedding;
  #attention;
  #picture = createTile({ term: "x_t", caption: "the input", empty: "Not ready yet" });
  #stages = createStages();
  #look;
  /** Whether the page's digits are images of the model's shape; without them there is only noise. */
  #hasDigits;
  /** @type {Promise<Float32Array>} */
  #noise;
  /** A walk that is watched. @type {AbortController | null} */
  #walk = null;

  /** @param {HTMLElement} root @param {Context} context @param {Digits} digits @param {Float32Array} rows */
  constructor(root, context, digits, rows) {
    const { arithmetic, loaded, shape, allSettings, fail } = context;
    const { trainTimesteps } = loaded.info;
    this.#context = context;
    this.#settings = allSettings.group("inside");
    this.#hasDigits = digitsFit(shape, digits);
    const size = shape.reduce((a, b) => a * b, 1);
    this.#noise = arithmetic.noise({ seed: SEED, draws: 1, size });
    this.#noise.catch(() => {});

    this.#embedding = createEmbedding(rows, trainTimesteps, (t) => this.#seek(t));
    this.#binding = bind(
      this.#settings,
      {
        t: (options) =>
          createSlider({ label: "Time t", min: 0, max: trainTimesteps - 1, ...options }),
        digit: (options) => createDigitPicker({ digits, tile: false, ...options }),
        held: (options) => this.#createHold(options),
        place: createAttention,
      },
      // Attention has been drawn already.
      { changed: (name) => name !== "place" && this.#ask() },
    );
    const { t: slider, digit: picker, held: hold, place: attention } = this.#binding.controls;
    this.#slider = slider;
    this.#picker = picker;
    this.#attention = attention;
    this.#watchButton = createButton({ name: "Watch a walk", onPress: () => this.#toggleWalk() });
    this.#look = latest((signal) => this.#lookAt(signal), fail);

    root.append(
      h(
        "div",
        { class: "inside" },
        h(
          "div",
          { class: "inside-time" },
          titled("Every t as the network sees it", this.#embedding.map, this.#slider.element),
          titled("This t", this.#embedding.bars),
        ),
        h(
          "div",
          { class: "inside-u" },
          h(
            "div",
            { class: "inside-picture" },
            this.#picture.element,
            h(
              "div",
              { class: "stack" },
              this.#hasDigits ? hold.element : null,
              h("div", { class: "row" }, this.#watchButton.element),
            ),
          ),
          this.#stages.element,
        ),
        titled("Attention at the bottom", this.#attention.element),
        createMore(this.#hasDigits ? this.#picker.element : null, this.#attention.slider),
      ),
    );
    this.#ask();
  }

  /**
   * Holds the picture at the noise that it has now; null: it follows t.
   * @param {import("../settings/bind.js").ControlOptions<number | null>} options
   */
  #createHold({ value, onChange }) {
    const hold = createSwitch({
      label: "Hold the picture",
      hint: "Then t changes only the time that the network sees.",
      value: value !== null,
      onChange: (isHeld) => onChange(isHeld ? this.#settings.values.t : null),
    });
    return {
      element: hold.element,
      set value(/** @type {number | null} */ held) {
        hold.value = held !== null;
      },
    };
  }

  /** @param {boolean} resting */
  rest(resting) {
    if (resting) this.#endWalk();
    this.#look.rest(resting);
  }

  dispose() {
    this.#binding.dispose();
    this.#endWalk();
    this.#look.cancel();
    this.#embedding.dispose();
  }

  /** @param {number} wish */
  #seek(wish) {
    const t = Math.min(this.#context.loaded.info.trainTimesteps - 1, Math.max(0, wish));
    this.#slider.value = t;
    this.#settings.set({ t });
    this.#ask();
  }

  /** Looks again, at what is chosen now. */
  #ask() {
    this.#endWalk();
    const { t } = this.#settings.values;
    this.#slider.value = t;
    this.#embedding.mark(t);
    this.#look.ask();
  }

  get #label() {
    const { info } = this.#context.loaded;
    return labelFor(info, this.#hasDigits ? this.#picker.label : null);
  }

  /** @param {AbortSignal} signal */
  async #lookAt(signal) {
    const { arithmetic, loaded } = this.#context;
    const { t, held } = this.#settings.values;
    const eps = await this.#noise;
    if (!this.#hasDigits) {
      await this.#show(eps, t, "noise", signal);
      return;
    }
    const noised = held ?? t;
    const alphaCumprod = loaded.schedule.alphasCumprod[noised] ?? NaN;
    const { x0, label } = this.#picker;
    const x = await arithmetic.addNoise({ x0, eps, alphaCumprod }, signal);
    await this.#show(x, t, `a real ${label}, noised to t = ${noised}`, signal);
  }

  /** @param {Float32Array} x @param {number} t @param {string} name @param {AbortSignal} signal */
  async #show(x, t, name, signal) {
    const { engine, shape } = this.#context;
    const look = await engine.look({ xt: x, timestep: t, label: this.#label }, signal);
    if (signal.aborted) return;
    this.#picture.show(x, shape, `The input: ${name}, with t = ${t}`);
    this.#stages.show(look.stages, t, look.attention !== null);
    this.#attention.show(look.attention, x, shape, t);
  }

  #toggleWalk() {
    if (this.#walk !== null) {
      this.#endWalk();
      return;
    }
    this.#look.cancel();
    const walk = new AbortController();
    this.#walk = walk;
    this.#watchButton.rename("Stop the walk");
    this.#watch(walk.signal).catch((error) => {
      if (!walk.signal.aborted) this.#context.fail(error);
    });
  }

  #endWalk() {
    this.#walk?.abort();
    this.#walk = null;
    this.#watchButton.rename("Watch a walk");
  }

  /** A walk back, with a look at every step. @param {AbortSignal} signal */
  async #watch(signal) {
    const { engine, loaded } = this.#context;
    const numInferenceSteps = Math.min(STEPS, loaded.info.trainTimesteps);
    const options = { seed: SEED, count: 1, label: this.#label, numInferenceSteps };
    const chain = await engine.open(options, signal);
    for (let frame = await chain?.step(); frame; frame = await chain?.step()) {
      await this.#show(frame.xt, frame.timestep, "a walk back", signal);
      // Only then, so that a walk that is stopped leaves the time of what is seen.
      if (signal.aborted) break;
      this.#settings.assume({ t: frame.timestep });
      this.#slider.value = frame.timestep;
      this.#embedding.mark(frame.timestep);
      if (frame.done) break;
    }
    if (!signal.aborted) this.#endWalk();
    chain?.close();
  }
}
