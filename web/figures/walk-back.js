// Figure 1: one chain from noise to image. Its pictures, the transport, what can be chosen.

import { significant } from "../basics/numbers.js";
import { createCopyLink } from "../parts/copy-link.js";
import { createReadouts } from "../parts/readouts.js";
import { createScrubber } from "../parts/scrubber.js";
import { term } from "../parts/term.js";
import { createWord } from "../parts/word.js";
import { find, h, setText } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { EPS_RANGE, paint } from "../screen/paint.js";
import { createChanges } from "./walk-back/changes.js";
import { createControls } from "./walk-back/controls.js";
import { createDeviceChoice } from "./walk-back/device.js";
import { listenToKeys } from "./walk-back/keys.js";
import { createTransport } from "./walk-back/transport.js";
import { Walk } from "./walk-back/walk.js";

/** @typedef {import("./shared/figure.js").Context} Context */
/** @typedef {import("./walk-back/walk.js").View} View */

/** Steps that the shown milliseconds are the median of. */
const MEASURED = 15;

/** @type {import("./shared/figure.js").Create} */
export function create(root, context) {
  return new WalkBack(root, context);
}

class WalkBack {
  #root;
  #context;
  #settings;
  #walk;
  /** @type {View | null} */
  #view = null;
  #drawSoon = withNextFrame(() => {
    if (this.#view !== null) this.#draw(this.#view);
  });
  #resting = false;
  #drawnFrames = 0;
  /** @type {readonly import("../protocol/messages.js").Frame[] | null} */
  #history = null;
  #controls;
  #device;
  #transport;
  #scrubber;
  #changes;
  #readouts;
  #notice = h("p", { class: "notice", role: "status" });
  #announcement = h("p", { class: "unseen", role: "status" });
  #endKeys;

  /** @param {HTMLElement} root @param {Context} context */
  constructor(root, context) {
    this.#root = root;
    this.#context = context;
    const { engine, loaded, allSettings, calm, moveTo, fail } = context;
    const settings = (this.#settings = allSettings.group("walk"));
    this.#walk = new Walk(engine, (view) => this.#show(view), fail);
    this.#device = createDeviceChoice({ loaded, moveTo, moved: () => this.#drawSoon() });
    this.#controls = createControls(
      loaded,
      settings,
      {
        changed: (byAddress) => (byAddress ? this.#open(true) : this.#changed()),
        speed: (speed) => (this.#walk.speed = speed),
      },
      this.#device.element,
    );
    this.#transport = createTransport({
      toFirst: () => this.#walk.seek(0),
      back: () => this.#walk.move(-1),
      togglePlay: () => this.#togglePlay(),
      step: () => this.#walk.move(1),
      toLast: () => this.#walk.seek(Infinity),
    });
    this.#changes = createChanges((position) => this.#walk.seek(position));
    this.#scrubber = createScrubber({
      label: "Step of the walk",
      between: this.#changes.element,
      onSeek: (position) => this.#walk.seek(position),
    });
    this.#readouts = createReadouts({
      time: h("span", {}, createWord("time", "time"), " ", term("t")),
      step: "step",
      speed: "ms per step",
      alphaCumprod: createWord("alpha-bar", term("alpha-bar_t")),
      snr: createWord("snr", "signal to noise"),
      device: "computed on",
    });
    find(root, ".state .screen", HTMLElement).after(this.#scrubber.element);
    const copyLink = createCopyLink({
      allSettings,
      done: () =>
        settings.values.at === null
          ? "Link copied. It opens this walk, playing."
          : "Link copied. It opens this walk at this step.",
    });
    find(root, ".state figcaption", HTMLElement).append(copyLink.element);
    find(root, ".panel", HTMLElement).append(
      this.#transport.element,
      this.#readouts.element,
      this.#announcement,
      this.#notice,
      this.#controls.element,
    );
    this.#endKeys = listenToKeys(root, {
      awake: () => !this.#resting,
      togglePlay: () => this.#togglePlay(),
      move: (steps) => this.#walk.move(steps),
      again: () => this.#again(),
      dice: () => this.#controls.rollDice(),
    });
    this.#open(!calm);
  }

  /** @param {boolean} resting */
  rest(resting) {
    this.#resting = resting;
    this.#walk.rest(resting);
  }

  dispose() {
    this.#walk.end();
    this.#changes.dispose();
    this.#endKeys();
    this.#controls.dispose();
  }

  /** Begins a new walk with what is chosen now. @param {boolean} playing @param {number} [goal] where to go first */
  #begin(playing, goal) {
    this.#walk.begin(this.#controls.options(), playing, goal);
  }

  /** Begins the walk that the address names: where it was paused, the walk goes there and stays. @param {boolean} playing */
  #open(playing) {
    const { at } = this.#settings.values;
    const { numInferenceSteps: steps } = this.#controls.options();
    if (at === null) {
      if (!playing) this.#settings.assume({ at: 0 });
      this.#begin(playing);
      return;
    }
    if (at > steps) {
      this.#settings.assume({ at: steps });
      this.#context.allSettings.refuse("at", String(at), `${steps}, the end of this walk`);
    }
    this.#begin(false, Math.min(at, steps));
  }

  /** Keeps in the address where the walk is paused. @param {View} view */
  #remember({ mode, position, goal }) {
    const at = mode === "playing" ? null : (goal ?? position);
    if (at !== this.#settings.values.at) this.#settings.set({ at });
  }

  /** After a choice: a new walk, playing unless the visitor has paused. */
  #changed() {
    this.#begin(this.#walk.playing || this.#walk.done);
  }

  #again() {
    const { playing } = this.#walk;
    this.#walk.seek(0);
    if (playing) this.#walk.play();
  }

  #togglePlay() {
    if (this.#walk.done) {
      this.#walk.seek(0);
      this.#walk.play();
    } else if (this.#walk.playing) this.#walk.pause();
    else this.#walk.play();
  }

  /** Keeps the newest view and draws it with the next frame of the screen. @param {View} view */
  #show(view) {
    this.#view = view;
    this.#remember(view);
    const complete = (/** @type {AbortSignal} */ signal) => this.#walk.complete(signal);
    this.#context.history.offer("walk", { ...view, complete });
    this.#drawSoon();
  }

  /** @param {View} view */
  #draw(view) {
    const { mode, position, steps, timestep, alphaCumprod, shape } = view;
    paint(find(this.#root, ".state canvas", HTMLCanvasElement), view.xt, shape);
    const x0 = find(this.#root, ".x0 canvas", HTMLCanvasElement);
    if (view.x0 !== null) paint(x0, view.x0, shape);
    const eps = find(this.#root, ".eps canvas", HTMLCanvasElement);
    if (view.eps !== null) paint(eps, view.eps, shape, { range: EPS_RANGE });
    this.#root.dataset["mode"] = mode;
    this.#root.toggleAttribute("data-revealed", view.x0 !== null);
    this.#transport.show(view);
    this.#drawHistory(view);
    this.#changes.show(view.frames, position, steps);
    const at = timestep === null ? "the image" : `t = ${timestep}`;
    this.#scrubber.move(
      view.goal ?? position,
      view.computed,
      `${at}, step ${position} of ${steps}`,
    );

    const { device } = this.#context.loaded.info;
    const milliseconds = stepTime(view.frames, device);
    this.#device.show(milliseconds);
    setText(this.#notice, this.#context.loaded.notice ?? "");
    this.#readouts.show({
      time: timestep === null ? "image" : String(timestep),
      step: `${position} of ${steps}`,
      alphaCumprod: timestep === null ? "1" : significant(alphaCumprod),
      snr: timestep === null ? "∞" : significant(alphaCumprod / (1 - alphaCumprod)),
      // It changes where a GPU is lost.
      device: device === "webgpu" ? "WebGPU" : "CPU",
      ...(milliseconds === null ? {} : { speed: milliseconds.toFixed(milliseconds < 10 ? 1 : 0) }),
    });
    const dispatches = document.getElementById("detail-dispatches");
    if (dispatches !== null && view.frames.length > 0) {
      const count = view.frames.at(-1)?.dispatches ?? 0;
      setText(dispatches, device === "cpu" ? "none, the CPU computes" : String(count));
    }
    this.#describe(view);
  }

  /** Adds to the filmstrip what is new. @param {View} view */
  #drawHistory({ frames, steps, shape, xt, position }) {
    if (this.#history !== frames) {
      this.#history = frames;
      this.#drawnFrames = 0;
      this.#scrubber.reset(steps);
      if (frames.length === 0) this.#scrubber.put(0, xt, shape);
    }
    for (; this.#drawnFrames < frames.length; this.#drawnFrames++) {
      const frame = frames[this.#drawnFrames];
      if (frame === undefined) break;
      this.#scrubber.put(this.#drawnFrames, frame.xt, shape);
      if (frame.done) this.#scrubber.put(this.#drawnFrames + 1, frame.xPrev, shape);
    }
    if (position === 0) this.#scrubber.put(0, xt, shape);
  }

  /** The same in words, for who does not see the canvases. @param {View} view */
  #describe({ mode, position, steps, goal, timestep, x0 }) {
    const { label } = this.#settings.values;
    const name = label === null ? undefined : this.#context.loaded.info.classes[label];
    const digit = name === undefined ? "" : ` of ${name}`;
    const at =
      timestep === null
        ? `after all ${steps} steps`
        : `at t = ${timestep}, step ${position} of ${steps}`;
    const noisy = timestep === null ? `The finished image${digit}` : `The noisy image x_t`;
    const [guess, noise] =
      x0 === null
        ? ["The guess, not ready yet", "The noise, not ready yet"]
        : [
            `The network's guess of the clean image${digit}, ${at}`,
            `The noise the network sees, ${at}`,
          ];
    /** @param {string} part @param {string} text */
    const say = (part, text) =>
      find(this.#root, `.${part} canvas`, HTMLCanvasElement).setAttribute("aria-label", text);
    say("state", `${noisy}, ${at}`);
    say("x0", guess);
    say("eps", noise);
    setText(
      this.#announcement,
      goal !== null
        ? `Walking to step ${goal} of ${steps}`
        : { playing: "Walking", done: `Done: an image${digit}`, paused: `Paused ${at}` }[mode],
    );
  }
}

/**
 * The median of the last steps that a device took.
 * @param {readonly import("../protocol/messages.js").Frame[]} frames
 * @param {import("../protocol/messages.js").Device} device
 * @returns {number | null} milliseconds; null where it took none
 */
function stepTime(frames, device) {
  const last = frames
    .filter(({ dispatches }) => dispatches > 0 === (device === "webgpu"))
    .slice(-MEASURED)
    .map(({ milliseconds }) => milliseconds);
  last.sort((a, b) => a - b);
  return last[Math.floor(last.length / 2)] ?? null;
}
