// What the first two instruments of "Bend it" have in common: next to what is given stands what is noised, and
// then four answers to it, walked together.

import { createGate } from "../../basics/gate.js";
import { latest } from "../../basics/latest.js";
import { isBetween, wholeWalk } from "../../client/whole-walk.js";
import { createImageGrid } from "../../parts/image-grid.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";

/** @typedef {import("../../protocol/messages.js").ChainOptions} ChainOptions */
/** @typedef {import("../../protocol/messages.js").Frame} Frame */

export const ANSWERS = 4;

/**
 * @typedef {object} Words
 * @property {string} noised what the noisy picture is
 * @property {string} noNoise what a screen reader hears before it is there
 * @property {string} noAnswers and before the answers are
 */

/**
 * @typedef {object} Shown what is seen of a step
 * @property {Float32Array} images [4, channels, h, w]
 * @property {string} text what they are
 * @property {string} result the line below once they have arrived
 */

/**
 * @param {import("../shared/figure.js").Context} context
 * @param {object} options
 * @param {Words} options.words
 * @param {(signal: AbortSignal) => Promise<void>} options.work what is done when it is asked for
 */
export function createFourAnswers({ engine, shape, calm, fail }, options) {
  const { words, work } = options;
  const [, , height = 1, width = 1] = shape;
  const gate = createGate();
  const noisy = createTile({ term: "x_t", caption: words.noised, empty: words.noNoise });
  const answers = createImageGrid({
    columns: 2,
    rows: ANSWERS / 2,
    imageSize: [height, width],
    empty: words.noAnswers,
  });
  const status = h("span");
  // Only the end is said aloud.
  const announcement = h("p", { class: "unseen", role: "status" });
  const { ask, cancel, rest } = latest(work, fail);
  return {
    noisy,
    ask,
    cancel,
    /** @param {Node[]} given @param {Node[]} controls */
    element(given, controls) {
      return h(
        "div",
        { class: "bend" },
        h("div", { class: "bend-given" }, ...given),
        noisy.element,
        h("figure", {}, answers.element, h("figcaption", {}, status)),
        announcement,
        h("div", { class: "bend-controls" }, ...controls),
      );
    },
    /**
     * Walks the four to their end, or until the signal is aborted.
     * @param {Omit<ChainOptions, "count" | "sampler" | "spacing">} how
     * @param {(frame: Frame, shape: number[]) => Shown} show
     * @param {AbortSignal} signal
     */
    async walk(how, show, signal) {
      const chain = { ...how, count: ANSWERS, sampler: "ddpm", spacing: "trailing" };
      const frames = wholeWalk(engine, /** @type {ChainOptions} */ (chain), signal, gate, calm);
      for await (const { frame, timesteps, shape: all } of frames) {
        if (frame.index === 0) setText(announcement, "");
        if (!frame.done) setText(status, `walking, t = ${frame.timestep}`);
        if (calm && isBetween(frame)) continue;
        const { images, text, result } = show(frame, all);
        const left = timesteps.length - 1 - frame.index;
        answers.show(images, all, frame.done ? text : `${text}, ${left} steps to go`);
        if (!frame.done) continue;
        setText(status, result);
        setText(announcement, `${text}: ${result}`);
      }
    },
    /** @param {boolean} value */
    rest(value) {
      gate.rest(value);
      rest(value);
    },
  };
}
