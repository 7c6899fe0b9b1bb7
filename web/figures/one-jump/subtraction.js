// All the predicted noise taken from pure noise at once: what is left is made so much larger that it
// shows the network's smallest errors.

import { latest } from "../../basics/latest.js";
import { correlation } from "../../basics/statistics.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";
import { EPS_RANGE } from "../../screen/paint.js";
import { labelsFor } from "./labels.js";

/** @param {import("./ladder.js").Inner} context */
export function createSubtraction({ engine, arithmetic, loaded, shape, fail, gate }) {
  const timestep = loaded.info.trainTimesteps - 1;
  const alphaCumprod = loaded.schedule.alphasCumprod[timestep] ?? 1;
  const factor = 1 / Math.sqrt(alphaCumprod);
  const size = shape.reduce((product, side) => product * side, 1);

  const noise = createTile({
    term: "x_T",
    caption: "Only noise.",
    colours: { range: EPS_RANGE },
    empty: "The noise, not ready yet",
  });
  const seen = createTile({
    term: "eps-hat",
    caption: "The noise the network sees: all of it.",
    colours: { range: EPS_RANGE },
    empty: "The noise the network sees, not ready yet",
  });
  const left = createTile({
    term: "x_0-hat",
    caption: "What is left, magnified.",
    empty: "What is left, not ready yet",
  });
  const words = h("p", { class: "hint" });
  const magnified = factor.toFixed(0);

  const compute = latest(async (signal, /** @type {import("./ladder.js").Values} */ values) => {
    await gate.pass(signal);
    const xt = await arithmetic.noise({ seed: values.seed, draws: 1, size }, signal);
    noise.show(xt, shape, `Pure noise, x_T at t = ${timestep}`);
    const labels = labelsFor(loaded.info, values.label, 1);
    const { eps, x0 } = await engine.denoise({ xt, count: 1, timestep, ...labels }, signal);
    seen.show(eps, shape, `The noise the network sees at t = ${timestep}`);
    // A schedule without any signal at its end leaves nothing that could be made larger.
    const rest = Number.isFinite(factor)
      ? await arithmetic.removeNoise({ xt, eps, alphaCumprod }, signal)
      : x0;
    left.show(rest, shape, `What is left, ${magnified} times larger, at t = ${timestep}`);
    if (!Number.isFinite(factor)) return;
    left.caption = `What is left, magnified ${magnified} times.`;
    const alike = correlation(xt, eps).toFixed(5);
    setText(
      words,
      `The correlation of the first two is ${alike}. ` +
        `An error of 0.01 in the second becomes ${(0.01 * factor).toFixed(1)} in the third, where black is −1 and white is 1.`,
    );
  }, fail);

  return {
    element: h(
      "div",
      {},
      h(
        "div",
        { class: "subtraction" },
        noise.element,
        h("span", { class: "sign", "aria-hidden": "true" }, "−"),
        seen.element,
        h("span", { class: "sign", "aria-hidden": "true" }, "→"),
        left.element,
      ),
      words,
    ),
    /** @param {import("./ladder.js").Values} values */
    begin: (values) => compute.ask(values),
    rest: compute.rest,
    dispose: compute.cancel,
  };
}
