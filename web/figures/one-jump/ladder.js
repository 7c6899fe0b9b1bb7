// One noise, walked back in different numbers of steps, side by side. Walks that take long on this device
// wait to be asked for.

import { latest } from "../../basics/latest.js";
import { isBetween, wholeWalk } from "../../client/whole-walk.js";
import { createButton } from "../../parts/button.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";
import { perDevice } from "../../settings/suit.js";

/** @typedef {import("../shared/figure.js").Context & { gate: import("../../basics/gate.js").Gate }} Inner */
/** @typedef {import("../../settings/list.js").Values<import("../../settings/list.js").Properties["jump"]>} Values */

const RUNGS = [1, 2, 5, 10, 50, 250, 1000];

/**
 * @param {Inner} context
 * @param {(steps: number, image: Float32Array) => void} finished
 */
export function createLadder(context, finished) {
  const T = context.loaded.info.trainTimesteps;
  const counts = [...RUNGS.filter((n) => n < T), T];
  const rungs = counts.map((steps) => createRung(context, steps, finished));
  return {
    element: h("ol", { class: "ladder" }, ...rungs.map(({ element }) => h("li", {}, element))),
    /** @param {Values} values */
    begin(values) {
      for (const rung of rungs) rung.begin(values);
    },
    /** @param {boolean} resting */
    rest(resting) {
      for (const rung of rungs) rung.rest(resting);
    },
    dispose() {
      for (const rung of rungs) rung.dispose();
    },
  };
}

/**
 * @param {Inner} context
 * @param {number} steps
 * @param {(steps: number, image: Float32Array) => void} finished
 */
function createRung({ engine, loaded, calm, fail, gate }, steps, finished) {
  /** Longer walks than these are taken only when the visitor asks for them. */
  const isShort = () => steps <= perDevice(loaded, { gpu: 1000, cpu: 50, software: 2 });
  const count = steps === 1 ? "1 step" : `${steps} steps`;
  const progress = h("span", { class: "progress" });
  const tile = createTile({
    caption: h("span", {}, h("strong", {}, count), " ", progress),
    empty: `In ${count}, not started yet`,
  });
  const button = createButton({
    name: `Walk ${count}`,
    onPress: () => {
      asked = true;
      go();
    },
  });
  button.element.classList.add("ask");
  tile.element.querySelector(".screen")?.append(button.element);
  /** @type {Values | null} */
  let values = null;
  let asked = false;

  const compute = latest(async (signal) => {
    if (values === null) return;
    // The device may have changed while the figure was out of sight.
    if (!asked && !isShort()) {
      offer();
      return;
    }
    const { seed, label, sampler } = values;
    const walk = wholeWalk(
      engine,
      // Trailing: every walk begins at T-1.
      { seed, label, sampler, count: 1, numInferenceSteps: steps, spacing: "trailing" },
      signal,
      gate,
      calm,
    );
    for await (const { frame, timesteps, shape } of walk) {
      const { index, timestep, done, xPrev, x0 } = frame;
      setText(progress, done ? "" : `${index + 1} done`);
      if (calm && isBetween(frame)) continue;
      const text = done
        ? `The image after ${count} from t = ${timesteps[0]}`
        : `The guess on the way in ${count}, at t = ${timestep}`;
      tile.show(done ? xPrev : x0, shape, text);
      if (done) finished(steps, xPrev);
    }
  }, fail);
  const go = () => {
    button.element.hidden = true;
    compute.ask();
  };
  const offer = () => {
    tile.clear();
    button.element.hidden = false;
  };

  return {
    element: tile.element,
    /** @param {Values} chosen */
    begin(chosen) {
      values = chosen;
      asked = false;
      setText(progress, "");
      if (isShort()) {
        go();
        return;
      }
      compute.cancel();
      offer();
    },
    rest: compute.rest,
    dispose: compute.cancel,
  };
}
