// One step of learning, slowly: each line of Algorithm 1 lights up as it runs, and what it makes is shown.

import { createButton } from "../../parts/button.js";
import { createTile } from "../../parts/tile.js";
import { titled } from "../../parts/titled.js";
import { h } from "../../screen/dom.js";
import { EPS_RANGE } from "../../screen/paint.js";
import { BEFORE_THE_STEP, createLines } from "./lines.js";

/** How long a line stays lit, in milliseconds. */
const LIT = 700;

/** @param {{ onPress: () => void }} options what the button does */
export function createOneStep({ onPress }) {
  const button = createButton({ name: "One step", onPress });
  const lines = createLines();
  const tiles = {
    x0: createTile({ term: "x_0", caption: "an example, varied", empty: "Not drawn yet" }),
    eps: createTile({
      term: "eps",
      caption: "noise",
      colours: { range: EPS_RANGE },
      empty: "Not drawn yet",
    }),
    xt: createTile({ term: "x_t", caption: "both", empty: "Not drawn yet" }),
  };
  const elements = [tiles.x0, tiles.eps, tiles.xt].map(({ element }) => element);
  return {
    element: h(
      "div",
      { class: "teach-algorithm" },
      titled("Algorithm 1, in five lines", lines.element),
      h("div", { class: "stack" }, h("div", { class: "teach-tiles" }, ...elements), button.element),
    ),
    /** Lights all lines while steps run one after the other, or none. @param {boolean} all */
    light: (all) => lines.light(() => all),
    /** @param {boolean} disabled */
    set disabled(disabled) {
      button.disabled = disabled;
    },
    /**
     * Takes a step, line by line.
     * @param {import("../../client/learner.js").Learner} learner
     * @param {object} options
     * @param {number[]} options.imageShape [channels, h, w]
     * @param {boolean} options.calm whether nothing moves: then no line waits
     * @param {(sentence: string) => void} options.say
     */
    async run(learner, { imageShape, calm, say }) {
      const pause = () => new Promise((resolve) => setTimeout(resolve, calm ? 0 : LIT));
      const { x0, eps, xt, timesteps } = await learner.draw();
      const shape = [timesteps.length, ...imageShape];
      const at = `at t = ${timesteps[0]}`;
      const shows = [
        () => tiles.x0.show(x0, shape, "An example, varied", 0),
        () => say(`t = ${timesteps[0]}`),
        () => tiles.eps.show(eps, shape, "The noise", 0),
        () => tiles.xt.show(xt, shape, `The example with the noise, ${at}`, 0),
      ];
      for (let line = 0; line < BEFORE_THE_STEP; line++) {
        lines.light((i) => i === line);
        shows[line]?.();
        await pause();
      }
      lines.light((i) => i === BEFORE_THE_STEP);
      const { loss, step } = await learner.descend();
      say(`Step ${step}: the loss of this batch was ${loss.toPrecision(3)}.`);
    },
  };
}
