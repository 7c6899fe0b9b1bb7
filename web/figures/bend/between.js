// Figure 11, third part: from one seed's image to another's, through the noise (DDIM, Song et al. 2021, section 5.3).

import { createGate } from "../../basics/gate.js";
import { latest } from "../../basics/latest.js";
import { isBetween, wholeWalk } from "../../client/whole-walk.js";
import { createLabelChoice } from "../../parts/choice.js";
import { createFilmstrip } from "../../parts/filmstrip.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { createTile } from "../../parts/tile.js";
import { h, setText } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { SHARE } from "../../settings/list.js";
import { createMore } from "../shared/more.js";
import { FEW_STEPS, stepsOf } from "./steps.js";

/** Shares of the way that the strip shows. */
const STRIP = 9;

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;

/** @type {import("../shared/figure.js").Create} */
export function create(root, { engine, arithmetic, loaded, shape, allSettings, calm, fail }) {
  const { info } = loaded;
  const size = shape.reduce((product, side) => product * side, 1);
  const settings = allSettings.group("between");
  const gate = createGate();

  const strip = createFilmstrip({ label: "Images between two noises", frames: STRIP });
  const status = h("span");
  // Only the end is said aloud.
  const announcement = h("p", { class: "unseen", role: "status" });
  const tile = createTile({ caption: status, empty: "The image between, not ready yet" });
  const binding = bind(
    settings,
    {
      share: (options) =>
        createSlider({ label: "Share of the way", ...SHARE, format: percent, ...options }),
      from: (options) => createSeed({ where: "on the left", ...options }),
      to: (options) => createSeed({ where: "on the right", ...options }),
      label: (options) => createLabelChoice({ info, ...options }),
    },
    { changed: (name) => (name === "share" ? one.ask() : ask()) },
  );
  const { share, from, to, label } = binding.controls;
  root.append(
    h(
      "div",
      { class: "between" },
      h("div", { class: "between-way" }, strip.element, share.element),
      tile.element,
      announcement,
      h(
        "div",
        { class: "stack" },
        label.element,
        createMore(h("div", { class: "bench" }, from.element, to.element)),
      ),
    ),
  );

  const ask = () => {
    one.ask();
    many.ask();
  };

  /**
   * Noises on the way from one seed's to the other's, one after the other.
   * @param {number[]} shares
   * @param {AbortSignal} signal
   */
  const noises = async (shares, signal) => {
    const { from, to } = settings.values;
    const [a, b] = await Promise.all(
      [from, to].map((seed) => arithmetic.noise({ seed, draws: 1, size }, signal)),
    );
    const x = new Float32Array(size * shares.length);
    if (a === undefined || b === undefined) return x;
    const all = await Promise.all(shares.map((share) => arithmetic.slerp({ a, b, share }, signal)));
    all.forEach((noise, i) => x.set(noise, i * size));
    return x;
  };
  /** @param {Float32Array} x @param {number} count @returns {import("../../protocol/messages.js").ChainOptions} */
  const options = (x, count) => ({
    seed: 0,
    count,
    label: settings.values.label,
    numInferenceSteps: stepsOf(FEW_STEPS, info),
    sampler: "ddim",
    eta: 0,
    spacing: "trailing",
    from: { xt: x, timestep: info.trainTimesteps - 1 },
  });

  const one = latest(async (signal) => {
    const { share: at } = settings.values;
    const x = await noises([at], signal);
    for await (const { frame, shape: all } of wholeWalk(
      engine,
      options(x, 1),
      signal,
      gate,
      calm,
    )) {
      const { done, timestep } = frame;
      const where = `at ${percent(at)} of the way`;
      const how = done ? "" : `, the guess at t = ${timestep}`;
      setText(status, done ? where : `walking, t = ${timestep}`);
      if (done) setText(announcement, `The image ${where}`);
      if (calm && isBetween(frame)) continue;
      tile.show(done ? frame.xPrev : frame.x0, all, `The image ${where}${how}`);
    }
  }, fail);

  const many = latest(async (signal) => {
    const shares = Array.from({ length: STRIP }, (_, i) => i / (STRIP - 1));
    const x = await noises(shares, signal);
    for await (const { frame } of wholeWalk(engine, options(x, STRIP), signal, gate, calm)) {
      const { done, timestep } = frame;
      if (calm && isBetween(frame)) continue;
      const images = done ? frame.xPrev : frame.x0;
      const how = done ? "" : `, the guess at t = ${timestep}`;
      shares.forEach((at, i) => {
        const image = images.subarray(i * size, (i + 1) * size);
        strip.put(i, image, shape, percent(at), `${percent(at)} of the way${how}`);
      });
    }
  }, fail);

  ask();
  return {
    rest(value) {
      gate.rest(value);
      one.rest(value);
      many.rest(value);
    },
    dispose() {
      binding.dispose();
      one.cancel();
      many.cancel();
    },
  };
}
