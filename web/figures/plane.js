// Figure 2: diffusion of points in a plane, where everything can be seen and is known exactly: the density of x_t, its
// score, all origins of a noisy point. Needs no model of images; a small network can be learned in place of the formula.

import { latest } from "../basics/latest.js";
import { createButton } from "../parts/button.js";
import { createReadouts } from "../parts/readouts.js";
import { h, setText } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { theme } from "../screen/theme.js";
import { PlaneComputing } from "./plane/computing.js";
import { bindControls, nameClasses } from "./plane/controls.js";
import { exactGuess } from "./plane/exact.js";
import { LEARNING_STEPS } from "./plane/learner.js";
import { learnedGuess } from "./plane/network.js";
import { createPad } from "./plane/pad.js";
import { Player, stateAt } from "./plane/player.js";
import { POINTING, listenForPointing } from "./plane/pointing.js";
import { T, alphaAt, alphasCumprodOf, timestepsOf } from "./plane/schedule.js";
import { drawnPoints, readPoints, shapeOf, writePoints } from "./plane/shapes.js";
import { createPlane, createViews } from "./plane/views.js";
import { CROWD, STRIDE, beginnings, walkForward } from "./plane/walk.js";
import {
  arrivedInWords,
  crowdInWords,
  distanceInWords,
  originsInWords,
  progressInWords,
} from "./plane/words.js";
import { createMore } from "./shared/more.js";

/** @typedef {import("./plane/walk.js").Crowds} Crowds */

/** While it learns, walks are made again after so many steps, and twice as many, and so on. */
const FIRST_WALKS = 75;
/** The seed of the walk forward, counted from that of the walks back: it must not be the same noise. */
const OTHER_SEED = 1;
/** Values of noise that learning uses again and again. */
const NOISE_POOL = 2 ** 16;
/** Arrows of the field, a side squared. */
const FIELD = 19 ** 2;

const LABELS = /** @type {const} */ ({ any: null, first: 0, second: 1 });

/**
 * @param {HTMLElement} root
 * @param {import("./shared/figure.js").LastingContext} context
 * @returns {import("./shared/figure.js").Figure}
 */
export function create(root, { arithmetic, allSettings, calm, fail }) {
  const settings = allSettings.group("plane");
  let points = shapeOf("moons");
  let alphasCumprod = alphasCumprodOf("linear");
  let timesteps = timestepsOf(1);
  /** @type {Float32Array[]} */
  let forward = [];
  /** @type {number[]} */
  let begin = [];
  /** @type {Crowds[]} */
  let states = [];
  /** Walks that are shown once they have arrived: others are in sight. @type {Crowds[] | null} */
  let hidden = null;
  /** What is learned so far. @type {import("./plane/worker.js").LearnReply | null} */
  let learned = null;
  let nextWalks = FIRST_WALKS;
  /** @type {[number, number] | null} */
  let pointed = null;

  const label = () => (points.classes.length > 0 ? LABELS[settings.values.label] : null);
  const shownTime = () => settings.values.t ?? Math.round(player.time);
  /** At -1 and 0 alike, the field is that of 0: at the points themselves there is none. */
  const alphaShown = () => alphaAt(alphasCumprod, Math.max(0, shownTime()));

  const readPointsNow = () => {
    const { shape, points: drawing, schedule, steps } = settings.values;
    alphasCumprod = alphasCumprodOf(schedule);
    timesteps = timestepsOf(steps);
    if (shape !== "own") {
      points = shapeOf(shape);
      return;
    }
    const drawn = readPoints(drawing);
    if (drawn === null) {
      settings.assume({ points: "" });
      allSettings.refuse("plane.points", `${drawing.slice(0, 12)}…`, "an empty plane");
    }
    points = drawnPoints(drawn ?? []);
  };
  readPointsNow();

  const player = new Player(
    T - 1,
    (wish) => {
      const reached =
        states.length > timesteps.length ? -1 : timesteps[Math.max(0, states.length - 1)];
      const time = player.direction === "back" ? Math.max(wish, reached ?? T - 1) : wish;
      draw();
      return time;
    },
    () => {
      draw();
      say();
    },
  );

  const binding = bindControls(settings, {
    // While it runs, the page says where it is.
    decided: { t: () => settings.values.t ?? Math.round(player.time) },
    changed(name) {
      if (name === "t") {
        player.stand(settings.values.t ?? T - 1);
        draw();
        return;
      }
      readPointsNow();
      if (name === null) standOrRun();
      if (name !== "steps" && name !== "label" && name !== "guidance") beginLearning();
      compute.ask();
    },
  });
  const {
    shape,
    steps,
    t: slider,
    learned: network,
    label: classes,
    guidance,
    schedule,
    seed,
  } = binding.controls;

  const views = createViews();
  const pad = createPad({
    drawn: () =>
      settings.values.shape === "own" ? (readPoints(settings.values.points) ?? []) : [],
    begin() {
      computing.stopLearning();
      player.stand(-1);
    },
    onDraw(drawn) {
      points = drawnPoints(drawn);
      settings.assume({ shape: "own", points: writePoints(drawn), t: null });
      shape.value = "own";
      states = [];
      forward = [];
      draw();
    },
    end() {
      settings.set({ shape: "own", points: settings.values.points, t: null });
      readPointsNow();
      beginLearning();
      compute.ask();
    },
    clear() {
      settings.set({ shape: "own", points: "", t: null });
      shape.value = "own";
      readPointsNow();
      beginLearning();
      compute.ask();
    },
  });
  const pointing = listenForPointing(views.ddpm, (point, byKey) => {
    pointed = point;
    if (byKey && point !== null) setText(status, told());
    draw();
  });
  const told = () =>
    pointed === null || points.labels.length === 0
      ? ""
      : originsInWords(points, label(), alphaShown(), pointed);
  const about = h("p", { class: "hint plane-told" });
  const readouts = createReadouts({ ddpm: "DDPM, from the points", ddim: "DDIM, from the points" });
  const progress = h("p", { class: "notice plane-progress" });
  const status = h("p", { class: "unseen", role: "status" });

  /** @param {"back" | "forward"} direction */
  const toggle = (direction) => {
    if (player.direction === direction) {
      settings.set({ t: Math.round(player.time) });
      player.stand(settings.values.t ?? -1);
    } else {
      const from = direction === "back" ? T - 1 : -1;
      const end = direction === "back" ? -1 : T - 1;
      const here = player.time;
      settings.set({ t: null });
      // Where nothing is to move by itself, it is there at once.
      if (calm) player.stand(end);
      else player.run(direction, Math.abs(here - end) < 1 ? from : here);
    }
    draw();
    if (calm) say();
  };
  const back = createButton({
    name: "Walk back",
    icon: "play",
    shown: true,
    onPress: () => toggle("back"),
  });
  const drift = createButton({ name: "Drift forward", onPress: () => toggle("forward") });

  root.append(
    h(
      "div",
      { class: "plane" },
      createPlane("plane-back", views.ddpm, "Back by DDPM", "every step adds fresh noise."),
      pad.element,
      createPlane("plane-ddim", views.ddim, "Back by DDIM", "the same start, no fresh noise."),
      h(
        "div",
        { class: "way" },
        h("div", { class: "row" }, back.element, drift.element),
        slider.element,
        about,
      ),
      h(
        "div",
        { class: "stack plane-controls" },
        h("div", { class: "plane-shape" }, shape.element, pad.again),
        steps.element,
        readouts.element,
        progress,
        createMore(
          network.element,
          classes.element,
          guidance.element,
          schedule.element,
          seed.element,
          pad.hint,
        ),
        pointing,
        status,
      ),
    ),
  );

  const fieldGuess = () => {
    if (points.labels.length === 0) return null;
    const scale = settings.values.guidance;
    if (!settings.values.learned) return exactGuess(points, label(), scale);
    return learned === null ? null : learnedGuess(learned.weights, FIELD, label(), scale);
  };

  let disposed = false;
  const draw = withNextFrame(() => {
    if (disposed) return;
    const time = shownTime();
    const exact = settings.values.t ?? player.time;
    const { at, glide, isThere } = stateAt(
      exact,
      timesteps,
      states.length,
      player.direction !== null,
    );
    const state = isThere ? states[at] : undefined;
    slider.value = time;
    const running = player.direction === "back";
    back.rename(running ? "Pause" : "Walk back", running ? "pause" : "play");
    drift.rename(player.direction === "forward" ? "Pause" : "Drift forward");
    pad.again.hidden = settings.values.shape !== "own" || settings.values.points === "";
    for (const { element } of [classes, guidance]) element.hidden = points.classes.length === 0;
    nameClasses(classes.element, points.classes);
    views.draw(
      {
        points,
        label: label(),
        alphaCumprod: alphaShown(),
        guess: fieldGuess(),
        forward: forward[Math.round((time + 1) / STRIDE)] ?? null,
        begin,
        states,
        at,
        glide,
        pointed,
      },
      pad.brush,
    );
    const empty = points.labels.length === 0;
    pad.caption = empty
      ? "draw a shape here."
      : time < 0
        ? "the points. Draw your own here."
        : `drifted to t = ${time}.`;
    setText(about, told() || POINTING);
    const distances = {
      ddpm: distanceInWords(state?.ddpm, points),
      ddim: distanceInWords(state?.ddim, points),
    };
    readouts.show(distances);
    const learns = settings.values.learned && !empty;
    setText(progress, learns ? progressInWords(learned) : "");
    if (player.direction !== null) return;
    const when = time < 0 ? "at the end" : `at t = ${time}`;
    views.ddpm.setAttribute("aria-label", crowdInWords("DDPM", when, distances.ddpm));
    views.ddim.setAttribute("aria-label", crowdInWords("DDIM", when, distances.ddim));
    pad.text = empty
      ? "An empty plane."
      : `Drifting forward: ${points.labels.length} points ${time < 0 ? "before the first step" : when}.`;
  });

  /** Says once, when the walks have arrived. */
  const say = () => {
    const last = states[timesteps.length];
    if (shownTime() >= 0 || last === undefined || points.labels.length === 0) return;
    setText(status, arrivedInWords(last, points, timesteps.length));
  };

  /** Where the time stands or that it runs, from the settings. */
  const standOrRun = () => {
    const { t, learned: learns } = settings.values;
    if (t !== null) player.stand(t);
    else if (calm || (learns && learned?.step !== LEARNING_STEPS)) player.stand(-1);
    else player.run("back", T - 1);
  };

  const computing = new PlaneComputing(
    ({ states: more, done }) => {
      if (hidden === null) states.push(...more);
      else {
        hidden.push(...more);
        if (done) [states, hidden] = [hidden, null];
      }
      draw();
      if (done && player.direction === null) queueMicrotask(say);
    },
    (reply) => {
      learned = reply;
      const over = reply.step >= LEARNING_STEPS;
      if (reply.step >= nextWalks || over) {
        nextWalks = 2 * reply.step;
        compute.ask();
        if (over && settings.values.t === null && !calm) player.run("back", T - 1);
      }
      draw();
    },
    fail,
  );

  const teach = latest(async (signal) => {
    const { seed: chosen } = settings.values;
    const noise = await arithmetic.noise({ seed: chosen, draws: 1, size: NOISE_POOL }, signal);
    if (!signal.aborted) computing.learn({ points, alphasCumprod, noise, seed: chosen });
  }, fail);
  const beginLearning = () => {
    learned = null;
    nextWalks = FIRST_WALKS;
    computing.stopLearning();
    if (settings.values.learned && points.labels.length > 0) teach.ask();
    else teach.cancel();
  };

  const compute = latest(async (signal) => {
    const { seed, guidance: guidanceScale, learned: learns } = settings.values;
    const size = 2 * CROWD;
    const steps = timesteps.length;
    const other = { seed: (seed + OTHER_SEED) % 2 ** 32, draws: T / STRIDE, size };
    const [noise, drifting] = await Promise.all([
      arithmetic.noise({ seed, draws: steps + 1, size }, signal),
      arithmetic.noise(other, signal),
    ]);
    if (signal.aborted) return;
    const learning = learns && learned?.step !== LEARNING_STEPS;
    // While it learns, what was walked stays until there is better.
    hidden = learning && states.length > 0 ? [] : null;
    if (hidden === null) states = [];
    begin = beginnings(points);
    forward = points.labels.length === 0 ? [] : walkForward(points, alphasCumprod, drifting);
    const weights = learns ? (learned?.weights ?? null) : null;
    if (points.labels.length > 0 && (!learns || weights !== null)) {
      const chosen = { label: label(), guidanceScale, weights };
      computing.walk({ points, alphasCumprod, timesteps, noise, ...chosen });
    }
    if (settings.values.t === null && !learning && !calm) player.run("back", T - 1);
    else if (settings.values.t === null) player.stand(-1);
    draw();
  }, fail);

  const unlisten = theme.listen(draw);
  standOrRun();
  beginLearning();
  compute.ask();
  draw();

  return {
    rest(resting) {
      compute.rest(resting);
      teach.rest(resting);
      player.rest(resting);
      computing.rest(resting);
    },
    dispose() {
      disposed = true;
      unlisten();
      compute.cancel();
      teach.cancel();
      player.stand(-1);
      computing.end();
      binding.dispose();
    },
  };
}
