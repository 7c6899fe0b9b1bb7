// Figure 8: two or three chains from the same noise, locked to one scrubber, and what lies between them.

import { h } from "../screen/dom.js";
import { createGate } from "../basics/gate.js";
import { withNextFrame } from "../screen/next-frame.js";
import { createButton } from "../parts/button.js";
import { createChoice, createLabelChoice } from "../parts/choice.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { createBetween } from "./samplers/between.js";
import { createLane } from "./samplers/lane.js";

/** The scrubber runs from pure noise to the image in this many parts, whatever the steps of the chains. */
const END = 1000;

/** A replay takes this long, in milliseconds. */
const REPLAY = 5000;

/** @type {import("./shared/figure.js").Create} */
export function create(root, context) {
  const { loaded, state, shape, calm } = context;
  const T = loaded.info.trainTimesteps;
  const settings = state.group("compare");
  const gate = createGate();
  /** Where a running replay is; null: none runs. @type {number | null} */
  let replay = null;
  /** The next frame of the replay. */
  let ticking = 0;

  const inner = { ...context, gate, advanced: () => draw() };
  const lanes = [
    createLane(inner, "A", state.group("compareA"), { gpu: 250, cpu: 50, software: 10 }),
    createLane(inner, "B", state.group("compareB"), { gpu: 50, cpu: 50, software: 10 }),
    createLane(inner, "C", state.group("compareC"), { gpu: 10, cpu: 10, software: 10 }),
  ];
  const pairs = /** @type {const} */ ([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  const betweens = pairs.map(([a, b]) => createBetween(lanes[a]?.name ?? "", lanes[b]?.name ?? ""));
  const walking = () => (settings.values.third ? lanes : lanes.slice(0, 2));

  /** @param {Partial<typeof settings.values>} values */
  const choose = (values) => {
    settings.set(values);
    begin();
  };
  const label = createLabelChoice({
    info: loaded.info,
    value: settings.values.label,
    onChange: (value) => choose({ label: value }),
  });
  const seed = createSeed({
    value: settings.values.seed,
    onChange: (value) => choose({ seed: value }),
  });
  const shown = createChoice({
    legend: "What is shown",
    choices: [
      { value: "xt", name: "the state" },
      { value: "x0", name: "the guess" },
    ],
    value: settings.values.show,
    onChange: (value) => {
      settings.set({ show: value });
      draw();
    },
  });
  const third = createSwitch({
    label: "A third chain",
    value: settings.values.third,
    onChange: (value) => choose({ third: value }),
  });
  const scrubber = createSlider({
    label: "On the way, all chains",
    min: 0,
    max: END,
    value: settings.values.at,
    format: (at) => (at >= END ? "image" : `t ≈ ${Math.round(timeAt(at))}`),
    onInput: (at) => {
      endReplay();
      settings.set({ at });
      draw();
    },
  });
  const play = createButton({ name: "Walk again", icon: "play", onPress: () => toggle() });

  const pictures = h("div", { class: "pictures" }, ...lanes.map(({ picture }) => picture));
  const differences = h("div", { class: "pictures" }, ...betweens.map(({ element }) => element));
  const controls = h("div", { class: "lanes" }, ...lanes.map((lane) => lane.controls));
  root.append(
    pictures,
    h("div", { class: "way" }, play.element, scrubber.element),
    differences,
    h("div", { class: "common" }, label.element, seed.element, shown.element, third.element),
    controls,
  );

  /** The time that the scrubber stands for. @param {number} at */
  const timeAt = (at) => T * (1 - at / END);
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
      // The chains may still be under way: the replay waits for them.
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
  const unlisten = settings.listen((values) => {
    label.value = values.label;
    seed.value = values.seed;
    shown.value = values.show;
    third.value = values.third;
    begin();
  });
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
      unlisten();
    },
  };
}
