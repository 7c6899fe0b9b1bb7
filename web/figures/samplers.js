// Figure 9: two or three chains from the same noise, locked to one scrubber, and what lies between them.

import { createGate } from "../basics/gate.js";
import { createButton } from "../parts/button.js";
import { createChoice, createLabelChoice } from "../parts/choice.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { h } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { bind } from "../settings/bind.js";
import { createBetween } from "./samplers/between.js";
import { createLane } from "./samplers/lane.js";
import { createMore } from "./shared/more.js";

/** The scrubber runs from pure noise to the image in this many parts, whatever the steps of the chains. */
const END = 1000;

/** A replay takes this long, in milliseconds. */
const REPLAY = 5000;

/** @type {import("./shared/figure.js").Create} */
export function create(root, context) {
  const { loaded, allSettings, shape, calm } = context;
  const T = loaded.info.trainTimesteps;
  const settings = allSettings.group("compare");
  const gate = createGate();
  /** Where a running replay is; null: none runs. @type {number | null} */
  let replay = null;
  /** The next frame of the replay. */
  let ticking = 0;

  const inner = { ...context, gate, advanced: () => draw() };
  const lanes = [
    createLane(inner, "A", allSettings.group("compareA"), { gpu: 250, cpu: 50, software: 10 }),
    createLane(inner, "B", allSettings.group("compareB"), { gpu: 50, cpu: 50, software: 10 }),
    createLane(inner, "C", allSettings.group("compareC"), { gpu: 10, cpu: 10, software: 10 }),
  ];
  const pairs = /** @type {const} */ ([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  const betweens = pairs.map(([a, b]) => createBetween(lanes[a]?.name ?? "", lanes[b]?.name ?? ""));
  const walking = () => (settings.values.third ? lanes : lanes.slice(0, 2));

  /** The time that the scrubber stands for. @param {number} at */
  const timeAt = (at) => T * (1 - at / END);
  const binding = bind(
    settings,
    {
      label: (options) => createLabelChoice({ info: loaded.info, ...options }),
      seed: createSeed,
      show: (options) =>
        createChoice({
          legend: "What is shown",
          choices: [
            { value: "xt", name: "the state" },
            { value: "x0", name: "the guess" },
          ],
          ...options,
        }),
      third: (options) => createSwitch({ label: "A third chain", ...options }),
      at: (options) =>
        createSlider({
          label: "On the way, all chains",
          min: 0,
          max: END,
          format: (at) => (at >= END ? "image" : `t ≈ ${Math.round(timeAt(at))}`),
          ...options,
        }),
    },
    {
      changed(name) {
        if (name === "at") endReplay();
        // Where the chains are looked at changes nothing in them.
        if (name === "at" || name === "show") draw();
        else begin();
      },
    },
  );
  const { label, seed, show: shown, third, at: scrubber } = binding.controls;
  const play = createButton({ name: "Walk again", icon: "play", onPress: () => toggle() });

  const pictures = h("div", { class: "pictures" }, ...lanes.map(({ picture }) => picture));
  const differences = h("div", { class: "pictures" }, ...betweens.map(({ element }) => element));
  const controls = h("div", { class: "lanes" }, ...lanes.map((lane) => lane.controls));
  root.append(
    pictures,
    h("div", { class: "way" }, play.element, scrubber.element),
    differences,
    h("div", { class: "common" }, label.element, seed.element),
    createMore(h("div", { class: "both" }, shown.element, third.element), controls),
  );

  /** How far all chains have come. */
  const live = () => Math.min(END, ...walking().map((lane) => END * (1 - lane.reached / T)));
  const arrived = () => walking().every((lane) => lane.done);

  const draw = withNextFrame(() => {
    const { at: wish, third: three, show } = settings.values;
    const following = wish >= END && !arrived() && replay === null;
    // Where nothing is to move by itself, the noise is shown and then the images.
    const at = replay ?? (following ? (calm ? 0 : live()) : wish);
    scrubber.value = Math.floor(at);
    play.rename(replay === null ? "Walk again" : "Stop", replay === null ? "play" : "pause");
    const time = at >= END ? null : timeAt(at);
    const states = lanes.map((lane) => lane.show(time, show));
    root.toggleAttribute("data-three", three);
    pairs.forEach(([a, b], i) => {
      const between = betweens[i];
      if (between === undefined) return;
      between.element.hidden = !three && b === 2;
      const [one, other] = [states[a] ?? null, states[b] ?? null];
      if (one === null || other === null) between.clear();
      else between.show(one, other, shape, time);
    });
    lanes.forEach((lane, i) => (lane.hidden = !three && i === 2));
  });

  const endReplay = () => {
    if (replay === null) return;
    cancelAnimationFrame(ticking);
    replay = null;
    draw();
  };
  const beginReplay = () => {
    replay = 0;
    settings.set({ at: END });
    draw();
    const began = performance.now();
    const tick = () => {
      // The chains may still be running: the replay waits for them.
      const at = Math.min((END * (performance.now() - began)) / REPLAY, live());
      replay = at >= END ? null : at;
      draw();
      if (replay !== null) ticking = requestAnimationFrame(tick);
    };
    ticking = requestAnimationFrame(tick);
  };
  const toggle = () => {
    if (replay === null) beginReplay();
    else endReplay();
  };

  const begin = () => {
    const { seed: chosen, label: wanted, third: three } = settings.values;
    lanes.forEach((lane, i) => {
      if (i < 2 || three) lane.begin({ seed: chosen, label: wanted });
      else lane.end();
    });
    draw();
  };
  begin();

  return {
    rest(value) {
      if (value) endReplay();
      gate.rest(value);
      for (const lane of lanes) lane.rest(value);
    },
    dispose() {
      endReplay();
      for (const lane of lanes) lane.dispose();
      binding.dispose();
    },
  };
}
