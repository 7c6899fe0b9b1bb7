// One of the chains: its settings, its picture, and all of its states.

import { latest } from "../../basics/latest.js";
import { asSentence, sentence } from "../../basics/sentence.js";
import { wholeWalk } from "../../client/whole-walk.js";
import { nameOfSampler } from "../../parts/sampler-choice.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";
import { suitableSteps } from "../../settings/suit.js";
import { detour } from "./detour.js";
import { createLaneControls } from "./lane-controls.js";

/** @typedef {import("../shared/figure.js").Context & { gate: import("../../basics/gate.js").Gate, advanced: () => void }} Inner */
/** @typedef {import("../../settings/kept-in-address.js").Group<import("../../settings/list.js").Properties["compareA"]>} Settings */
/** @typedef {import("../../protocol/messages.js").Frame} Frame */

/**
 * @param {Inner} context
 * @param {string} name
 * @param {Settings} settings
 * @param {{ gpu: number, cpu: number, software: number }} suitable steps
 */
export function createLane({ engine, loaded, shape, gate, advanced }, name, settings, suitable) {
  const { info } = loaded;
  const stepsOf = () => settings.decide("steps", () => suitableSteps(loaded, suitable));

  const where = h("span");
  const which = h("span");
  const notice = h("p", { class: "notice", role: "status" });
  const tile = createTile({
    caption: h("span", {}, h("strong", {}, name, " ", which), " ", where),
    empty: `Chain ${name}, not ready yet`,
  });
  const picture = h("div", {}, tile.element, notice);

  /** @type {Frame[]} */
  let frames = [];
  let total = Infinity;
  /** Of the whole walk, once it is there. */
  let straightness = "";
  /** @type {{ seed: number, label: number | null } | null} */
  let shared = null;

  const compute = latest(
    async (signal) => {
      if (shared === null) return;
      frames = [];
      total = Infinity;
      straightness = "";
      setText(notice, "");
      const { sampler, spacing, guidance, eta } = settings.values;
      const steps = stepsOf();
      setText(which, nameOfSampler(sampler));
      controls.show();
      const guided = shared.label !== null && info.nullLabel !== null;
      const options = {
        ...shared,
        count: 1,
        numInferenceSteps: steps,
        sampler,
        spacing,
        guidanceScale: guided ? guidance : 1,
        ...(sampler === "ddim" ? { eta } : {}),
      };
      const walk = wholeWalk(engine, options, signal, gate);
      for await (const { frame, timesteps, alphasCumprod } of walk) {
        total = timesteps.length;
        frames.push(frame);
        if (frame.done) straightness = describe(frames, alphasCumprod);
        advanced();
      }
    },
    // Options that a sampler rejects are not a failure of the figure: the visitor can choose others.
    (error) => {
      setText(notice, asSentence(sentence(error)));
      tile.clear();
      advanced();
    },
  );

  const controls = createLaneControls(loaded, name, settings, {
    changed: () => compute.ask(),
    steps: stepsOf,
  });

  /** How many steps have been taken at a time. @param {number | null} time null: all */
  const positionAt = (time) => {
    if (time === null) return total;
    const below = frames.findIndex(({ timestep }) => timestep < time);
    return Math.max(0, (below < 0 ? frames.length : below) - 1);
  };

  return {
    name,
    picture,
    controls: controls.element,
    /** @param {boolean} hidden */
    set hidden(hidden) {
      picture.hidden = hidden;
      controls.element.hidden = hidden;
    },
    get done() {
      return frames.length === total || notice.textContent !== "";
    },
    /** The time it has come to, T at the beginning; 0 if it cannot walk, so that nothing waits for it. */
    get reached() {
      if (this.done) return 0;
      return frames.at(-1)?.timestep ?? info.trainTimesteps;
    },
    /**
     * Draws what it was at a time, or the last it has.
     * @param {number | null} time null: the image at the end
     * @param {"xt" | "x0"} what
     * @returns {Float32Array | null} what is shown; null where it has not come that far
     */
    show(time, what) {
      controls.enable(shared !== null && shared.label !== null);
      const last = frames.at(-1);
      if (last === undefined || notice.textContent !== "") return null;
      const position = positionAt(time);
      const frame = frames[position] ?? last;
      const finished = position >= total;
      const values = finished ? last.xPrev : what === "x0" ? frame.x0 : frame.xt;
      const at = finished ? "the image" : `t = ${frame.timestep}`;
      const state = finished ? "" : what === "x0" ? "the guess at " : "the state at ";
      const steps = `${Math.min(position, frames.length)} of ${total} steps`;
      tile.show(values, shape, `Chain ${name}, ${state}${at}, after ${steps}`);
      setText(where, `${at}, ${steps}${finished ? straightness : ""}`);
      const there = frames.length === total || (time !== null && last.timestep <= time);
      return there || position === 0 ? values : null;
    },
    /** @param {{ seed: number, label: number | null }} chosen */
    begin(chosen) {
      shared = chosen;
      compute.ask();
    },
    /** Not wanted for now. */
    end() {
      shared = null;
      compute.cancel();
    },
    rest: compute.rest,
    dispose() {
      compute.cancel();
      controls.dispose();
    },
  };
}

/** @param {readonly Frame[]} frames of a whole walk @param {Float64Array} alphasCumprod */
function describe(frames, alphasCumprod) {
  const states = frames.map(({ xt }) => xt);
  const last = frames.at(-1);
  if (last !== undefined) states.push(last.xPrev);
  const times = detour(states, alphasCumprod);
  return Number.isFinite(times) ? `, ${times.toFixed(1)} times as long as the straight line` : "";
}
