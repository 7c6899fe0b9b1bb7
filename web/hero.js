// The first figure: one chain, its three pictures, the transport, and what can be chosen.

import { element } from "./dom.js";
import { paint } from "./paint.js";
import { MAX_SEED, nearest, stepChoices } from "./settings.js";
import { Walk } from "./walk.js";

/** @typedef {import("./protocol.js").Loaded} Loaded */
/** @typedef {import("./walk.js").View} View */

/** Values of eps-hat beyond this are drawn black or white: it is near normal, and 3 is three deviations. */
const EPS_RANGE = 3;
/** The share of the newest step in the running mean of milliseconds per step. */
const NEWEST_SHARE = 0.2;

/**
 * How many steps to begin with: a walk of a few seconds.
 * @param {Loaded} loaded
 */
function suitableSteps({ info, software }) {
  if (info.device === "cpu") return 100;
  return software ? 20 : 250;
}

export class Hero {
  #walk;
  #loaded;
  /** @type {number[]} */
  #stepChoices;
  /** @type {number | null} */
  #label = null;
  /** @type {View | null} */
  #view = null;
  /** @type {View["frame"]} */
  #measured = null;
  #milliseconds = 0;
  #scheduled = false;

  #xt = element("canvas-xt", HTMLCanvasElement);
  #x0 = element("canvas-x0", HTMLCanvasElement);
  #eps = element("canvas-eps", HTMLCanvasElement);
  #play = element("play", HTMLButtonElement);
  #playLabel = element("play-label", HTMLElement);
  #step = element("step", HTMLButtonElement);
  #restart = element("restart", HTMLButtonElement);
  #dice = element("dice", HTMLButtonElement);
  #seed = element("seed", HTMLInputElement);
  #steps = element("steps", HTMLInputElement);
  #guidance = element("guidance", HTMLInputElement);
  #figure = element("walk", HTMLElement);

  /**
   * @param {import("./engine.js").Engine} engine
   * @param {Loaded} loaded
   * @param {import("./settings.js").Settings} settings
   * @param {(error: unknown) => void} fail
   */
  constructor(engine, loaded, settings, fail) {
    this.#loaded = loaded;
    this.#stepChoices = stepChoices(loaded.info.trainTimesteps);
    this.#walk = new Walk(engine, (view) => this.#show(view), fail);
    this.#describeDevice();
    this.#prepareControls(settings);
    this.#listen();
    for (const button of [this.#play, this.#step, this.#restart, this.#dice, this.#steps]) {
      button.disabled = false;
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#walk.rest(document.hidden);
    this.#begin(!calm);
  }

  /** Begins a new walk with what is chosen now. @param {boolean} playing */
  #begin(playing) {
    element("failure", HTMLElement).hidden = true;
    this.#walk.start(
      {
        seed: this.#seed.valueAsNumber,
        count: 1,
        label: this.#label,
        // Any digit leaves nothing to be guided to, and a second evaluation would be wasted.
        guidance: this.#label === null ? 1 : this.#guidance.valueAsNumber,
        steps: this.#stepChoices[this.#steps.valueAsNumber] ?? 10,
      },
      playing,
    );
  }

  /** After a choice: a new walk, playing unless the visitor has paused. */
  #changed() {
    this.#begin(this.#walk.playing || this.#walk.done);
  }

  #togglePlay() {
    if (this.#walk.done) this.#begin(true);
    else if (this.#walk.playing) this.#walk.pause();
    else this.#walk.play();
  }

  #throwDice() {
    this.#seed.valueAsNumber = Math.floor(Math.random() * 10000);
    this.#changed();
  }

  #listen() {
    this.#play.addEventListener("click", () => this.#togglePlay());
    this.#step.addEventListener("click", () => this.#walk.step());
    this.#restart.addEventListener("click", () => this.#begin(this.#walk.playing));
    this.#dice.addEventListener("click", () => this.#throwDice());
    this.#seed.addEventListener("change", () => {
      const wish = Math.round(this.#seed.valueAsNumber);
      this.#seed.valueAsNumber = Number.isNaN(wish) ? 0 : Math.min(MAX_SEED, Math.max(0, wish));
      this.#changed();
    });
    for (const slider of [this.#steps, this.#guidance]) {
      slider.addEventListener("input", () => {
        this.#showChoices();
        this.#changed();
      });
    }
    element("controls", HTMLFormElement).addEventListener("submit", (event) =>
      event.preventDefault(),
    );
    document.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("visibilitychange", () => this.#walk.rest(document.hidden));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const focus = event.target instanceof Element ? event.target : document.body;
    // What has a use for a key of its own keeps it: space presses buttons, arrows move sliders.
    if (event.key === " " && focus.closest("button, input, summary, a") !== null) return;
    if (event.key === "ArrowRight" && focus.closest("input, .equations") !== null) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      " ": () => this.#togglePlay(),
      ArrowRight: () => this.#walk.step(),
      r: () => this.#begin(this.#walk.playing),
      d: () => this.#throwDice(),
    };
    const action = keys[event.key];
    if (action === undefined || (event.repeat && event.key !== "ArrowRight")) return;
    event.preventDefault();
    action();
  }

  /** @param {import("./settings.js").Settings} settings */
  #prepareControls(settings) {
    const { classes, nullLabel } = this.#loaded.info;
    this.#seed.valueAsNumber = settings.seed;
    this.#guidance.valueAsNumber = settings.guidance;
    this.#steps.max = String(this.#stepChoices.length - 1);
    const steps = settings.steps ?? suitableSteps(this.#loaded);
    this.#steps.valueAsNumber = nearest(this.#stepChoices, steps);
    if (classes.length > 0) {
      const wish = settings.label === null ? null : Math.min(settings.label, classes.length - 1);
      this.#label = wish === null && nullLabel === null ? 0 : wish;
      this.#offerLabels(classes, nullLabel !== null);
    }
    element("guidance-control", HTMLElement).hidden = nullLabel === null;
    this.#showChoices();
  }

  /** One radio button for each class, and one for any. @param {string[]} classes @param {boolean} any */
  #offerLabels(classes, any) {
    const digits = classes.every((name) => /^\d$/.test(name));
    element("labels-legend", HTMLElement).textContent = digits ? "Digit" : "Class";
    element("label-choices", HTMLElement).classList.toggle("digits", digits);
    const choices = classes.map((name, label) => this.#labelChoice(name, label));
    if (any) choices.unshift(this.#labelChoice("any", null));
    element("label-choices", HTMLElement).replaceChildren(...choices);
    element("labels", HTMLFieldSetElement).hidden = false;
  }

  /** @param {string} name @param {number | null} label */
  #labelChoice(name, label) {
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "label";
    input.value = label === null ? "any" : String(label);
    input.checked = label === this.#label;
    input.addEventListener("change", () => {
      this.#label = label;
      this.#showChoices();
      this.#changed();
    });
    const text = document.createElement("span");
    text.textContent = name;
    const choice = document.createElement("label");
    choice.classList.toggle("any", label === null);
    choice.append(input, text);
    return choice;
  }

  /** What the sliders stand at, in words. */
  #showChoices() {
    const steps = this.#stepChoices[this.#steps.valueAsNumber] ?? 0;
    element("steps-value", HTMLOutputElement).value = String(steps);
    this.#steps.setAttribute("aria-valuetext", `${steps} steps`);
    element("guidance-value", HTMLOutputElement).value = String(this.#guidance.valueAsNumber);
    const free = this.#label === null;
    this.#guidance.disabled = free;
    element("guidance-hint", HTMLElement).textContent = free
      ? "Guidance pulls towards a digit; choose one first."
      : "How hard to pull towards the digit; 1 is the plain model.";
  }

  #describeDevice() {
    const { info, notice, check } = this.#loaded;
    const gpu = info.device === "webgpu";
    element("read-device", HTMLElement).textContent = gpu ? "WebGPU" : "CPU";
    element("notice", HTMLElement).textContent = notice ?? "";
    element("detail-device", HTMLElement).textContent = gpu
      ? `WebGPU${info.adapter === "" ? "" : ` on ${info.adapter}`}`
      : "the CPU, in WebAssembly, in one thread";
    const [height, width] = info.imageSize;
    const millions = (info.parameters / 1e6).toFixed(2);
    element("detail-model", HTMLElement).textContent =
      `${millions} million parameters, ${height} × ${width} pixels, T = ${info.trainTimesteps}`;
    const reference = { golden: "the exporter's", cpu: "the CPU's", none: "" }[check.against];
    element("detail-check", HTMLElement).textContent =
      check.against === "none"
        ? "finite numbers; this folder has no known answer to compare with"
        : `eps-hat is within ${check.difference.toExponential(1)} of ${reference} for the same input`;
  }

  /** Keeps the newest view and draws it with the next frame of the screen. @param {View} view */
  #show(view) {
    this.#view = view;
    if (view.frame !== null && view.frame !== this.#measured) {
      const { milliseconds, index } = view.frame;
      const share = index === 0 || this.#milliseconds === 0 ? 1 : NEWEST_SHARE;
      this.#milliseconds += share * (milliseconds - this.#milliseconds);
      this.#measured = view.frame;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.#view !== null) this.#draw(this.#view);
    });
  }

  /** @param {View} view */
  #draw(view) {
    const { state, position, steps, timestep, frame } = view;
    paint(this.#xt, view.xt, view.shape, 1);
    if (view.x0 !== null) paint(this.#x0, view.x0, view.shape, 1);
    if (view.eps !== null) paint(this.#eps, view.eps, view.shape, EPS_RANGE);
    this.#figure.dataset["state"] = state;
    this.#figure.toggleAttribute("data-revealed", view.x0 !== null);

    const playing = state === "playing";
    const play = playing ? "Pause" : state === "done" ? "Play again" : "Play";
    if (this.#playLabel.textContent !== play) {
      this.#playLabel.textContent = play;
      this.#play.title = `${play} (space)`;
    }
    this.#step.disabled = state === "done";
    const track = element("track", HTMLProgressElement);
    track.max = steps;
    track.value = position;

    const time = timestep === null ? "image" : String(timestep);
    element("read-time", HTMLElement).textContent = time;
    element("read-step", HTMLElement).textContent = `${position} of ${steps}`;
    if (frame !== null) {
      const digits = this.#milliseconds < 10 ? 1 : 0;
      element("read-speed", HTMLElement).textContent = this.#milliseconds.toFixed(digits);
      element("detail-dispatches", HTMLElement).textContent =
        this.#loaded.info.device === "cpu" ? "none, the CPU computes" : String(frame.dispatches);
    }
    this.#describe(view);
  }

  /** The same in words, for who does not see the canvases. @param {View} view */
  #describe({ state, position, steps, timestep, x0 }) {
    const revealed = x0 !== null;
    const name = this.#label === null ? undefined : this.#loaded.info.classes[this.#label];
    const goal = name === undefined ? "" : ` of ${name}`;
    const at =
      timestep === null
        ? `after all ${steps} steps`
        : `at t = ${timestep}, step ${position} of ${steps}`;
    const noisy = timestep === null ? `The finished image${goal}` : `The noisy image x_t`;
    this.#xt.setAttribute("aria-label", `${noisy}, ${at}`);
    const [guess, noise] = revealed
      ? [
          `The network's guess of the clean image${goal}, ${at}`,
          `The noise the network sees, ${at}`,
        ]
      : ["The guess, not there yet", "The noise, not there yet"];
    this.#x0.setAttribute("aria-label", guess);
    this.#eps.setAttribute("aria-label", noise);
    const announcement =
      state === "playing" ? "Walking" : state === "done" ? `Done: an image${goal}` : `Paused ${at}`;
    const live = element("announcement", HTMLElement);
    if (live.textContent !== announcement) live.textContent = announcement;
  }
}
