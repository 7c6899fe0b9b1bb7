// Figure 7: the posterior walk, which knows x_0, next to the learned walk, from the same x_T and with the
// same noise: eight times of each, and how far they are apart over all times.

import { createGate } from "../basics/gate.js";
import { latest } from "../basics/latest.js";
import { distance } from "../basics/statistics.js";
import { isBetween, wholeWalk } from "../client/whole-walk.js";
import { createFilmstrip } from "../parts/filmstrip.js";
import { createPlot } from "../parts/plot.js";
import { createReadouts } from "../parts/readouts.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { term } from "../parts/term.js";
import { createWord } from "../parts/word.js";
import { h, setText } from "../screen/dom.js";
import { bind } from "../settings/bind.js";
import { stepChoices } from "../settings/list.js";
import { canBeTold, labelFor, suitableSteps } from "../settings/suit.js";
import { createMore } from "./shared/more.js";
import { createSubject } from "./shared/subject.js";

/** @typedef {import("../protocol/messages.js").Frame} Frame */

const TIMES = 8;

/** From this distance on two walks are said to have parted. */
const PARTED = 0.1;

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const { engine, loaded, shape, allSettings, calm, fail } = context;
  const digits = await context.digits();
  const { info } = loaded;
  const T = info.trainTimesteps;
  const settings = allSettings.group("posterior");
  const stepsOf = () =>
    settings.decide("steps", () => suitableSteps(loaded, { gpu: 250, cpu: 50, software: 10 }));
  const gate = createGate();

  const binding = bind(
    settings,
    {
      digit: (options) => createSubject({ context, digits, ...options }),
      told: (options) =>
        createSwitch({
          label: "Tell the network the digit",
          hint: "Only which digit it is, not how it is written.",
          ...options,
        }),
      steps: (options) =>
        createSlider({ label: "Steps of both walks", choices: stepChoices(T), ...options }),
      seed: createSeed,
    },
    { changed: () => compute.ask(), decided: { steps: stepsOf } },
  );
  const { digit: picker, told, steps, seed } = binding.controls;
  told.element.hidden = !canBeTold(info, shape, digits);

  const known = createFilmstrip({ label: "The walk that knows the answer", frames: TIMES });
  const learned = createFilmstrip({ label: "The learned walk", frames: TIMES });
  const guess = createFilmstrip({
    label: "The guess on the way",
    frames: TIMES,
  });
  const readouts = createReadouts({
    known: h("span", {}, "known, ", createWord("distance", "off by")),
    learned: h("span", {}, "learned, ", createWord("distance", "off by")),
    parted: "separated at t",
  });
  const plot = createPlot({
    label: "Distances over t",
    x: { label: "t", range: [0, T], reversed: true },
    y: { label: "distance", range: [0, 1.2] },
    series: [
      { name: "between the two walks" },
      { name: "of the network's guess from the known image", colour: "second", dashed: true },
    ],
  });
  const status = h("p", { class: "unseen", role: "status" });

  root.append(
    h(
      "div",
      { class: "walks" },
      row("The answer is known", term("x_t"), known.element),
      row("The network answers", term("x_t"), learned.element),
      row("Its guess", term("x_0-hat"), guess.element),
      plot.element,
    ),
    h(
      "div",
      { class: "stack" },
      picker.element,
      readouts.element,
      told.element,
      createMore(steps.element, seed.element),
      status,
    ),
  );

  const compute = latest(async (signal) => {
    const { seed: chosen, told: isTold } = settings.values;
    const { x0: truth, digit } = picker;
    if (truth === null) return;
    const count = stepsOf();
    steps.value = count;
    const own = labelFor(info, digit);
    const options = {
      seed: chosen,
      count: 1,
      label: isTold || info.nullLabel === null ? own : null,
      numInferenceSteps: count,
      spacing: /** @type {const} */ ("linspace"),
    };
    const knownWalk = wholeWalk(engine, { ...options, known: truth }, signal, gate);
    const learnedWalk = wholeWalk(engine, options, signal, gate);
    readouts.show({ known: "–", learned: "–", parted: "–" });
    setText(status, "Walking");
    /** @type {{ t: number, apart: number, off: number }[]} */
    const distances = [];
    /** Pictures that are not seen yet. @type {(() => void)[]} */
    let unseen = [];
    for await (const [a, b] of together(knownWalk, learnedWalk)) {
      const t = b.timestep;
      for (let slot = 0; slot < TIMES - 1; slot++) {
        if (Math.round((slot * count) / (TIMES - 1)) !== a.index) continue;
        unseen.push(() => {
          known.put(slot, a.xt, shape, String(t), `Knowing the answer, at t = ${t}`);
          learned.put(slot, b.xt, shape, String(t), `The learned walk, at t = ${t}`);
          guess.put(slot, b.x0, shape, String(t), `The network's guess, at t = ${t}`);
        });
      }
      distances.push({ t, apart: distance(a.xt, b.xt), off: distance(b.x0, truth) });
      if (calm && isBetween(a)) continue;
      for (const show of unseen) show();
      unseen = [];
      const parted = distances.find(({ apart }) => apart > PARTED);
      if (parted !== undefined) readouts.show({ parted: String(parted.t) });
      // uPlot wants ascending x.
      const rising = [...distances].reverse();
      plot.set(
        [rising.map((d) => d.t), rising.map((d) => d.apart), rising.map((d) => d.off)],
        `between the walks ${distances[0]?.apart.toFixed(2)} at t = ${distances[0]?.t}, ${distances.at(-1)?.apart.toFixed(2)} at t = ${t}`,
      );
      if (!a.done || !b.done) continue;
      const ends = [distance(a.xPrev, truth).toFixed(2), distance(b.xPrev, truth).toFixed(2)];
      const last = TIMES - 1;
      known.put(
        last,
        a.xPrev,
        shape,
        "image",
        `Knowing the answer, the image: ${ends[0]} from x_0`,
      );
      learned.put(
        last,
        b.xPrev,
        shape,
        "image",
        `The learned walk, the image: ${ends[1]} from x_0`,
      );
      guess.put(last, b.x0, shape, "image", "The network's last guess");
      readouts.show({ known: ends[0] ?? "", learned: ends[1] ?? "" });
      if (parted === undefined) readouts.show({ parted: "nowhere" });
      setText(status, `Both have arrived: ${ends[0]} and ${ends[1]} from the known image`);
    }
  }, fail);

  compute.ask();

  return {
    rest(resting) {
      gate.rest(resting);
      picker.rest(resting);
      compute.rest(resting);
    },
    dispose() {
      compute.cancel();
      picker.dispose();
      binding.dispose();
      plot.dispose();
    },
  };
}

/**
 * The frames of two walks, side by side, as long as both continue.
 * @param {ReturnType<typeof wholeWalk>} one
 * @param {ReturnType<typeof wholeWalk>} other
 * @returns {AsyncGenerator<[Frame, Frame]>}
 */
async function* together(one, other) {
  try {
    for (;;) {
      const [a, b] = [await one.next(), await other.next()];
      if (a.done === true || b.done === true) return;
      yield [a.value.frame, b.value.frame];
    }
  } finally {
    // A walk that is abandoned closes its chain only when it is ended.
    await Promise.all([one.return(undefined), other.return(undefined)]);
  }
}

/** @param {string} name @param {Element} symbol @param {HTMLElement} strip */
function row(name, symbol, strip) {
  return h(
    "div",
    { class: "walk-row" },
    h("p", {}, h("span", { class: "term" }, symbol), " ", h("strong", {}, name)),
    strip,
  );
}
