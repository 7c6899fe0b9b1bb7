// Learning: the methods of the worker that learns, and the loop between them. The crate's build with the backward passes is
// loaded with the first call that needs it.

import { asSentence, sentence } from "../basics/sentence.js";
import { ByteCount } from "../compute/download.js";
import { readModel } from "../compute/folder.js";
import { loadLearnerWasm } from "../compute/wasm.js";
import { ownModel } from "../models/own.js";
import { zipSync } from "../vendor/fflate.js";
import { openStore } from "./kept.js";
import { pack, unpack } from "./learning-file.js";
import { inTurn } from "./queue.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerEvent} LearnerEvent */
/** @typedef {import("../protocol/learning.js").Learning} Learning */
/** @typedef {import("../protocol/learning.js").LearnedStep} LearnedStep */
/** @typedef {import("../compute/wasm.js").Learner} Learner */

/** Images that are drawn while it learns, from the same noise each time. */
const WALKS = { count: 16, seed: 7, numInferenceSteps: 10, guidanceScale: 2 };
/** So many steps lie between two drawings of them, which take as long as ten steps, and two measurements of the error. */
const LOOK_EVERY = 50;
/** The first drawing comes sooner. */
const FIRST_WALK = 25;
/** Timesteps at which the error is measured. */
const TIMES = 8;
/** Milliseconds between two times that all is kept: so much at most is lost. */
const KEEP_EVERY = 5000;
/** Images in a step: examples, and as many of the classes that were there before. */
const BATCH = 4;

/** @type {Learner | null} */
let learner = null;
/** What is known of it. @type {Learning | null} */
let learning = null;
/** @type {{ examples: Float32Array, shape: number[] }} */
let shown = { examples: new Float32Array(0), shape: [1, 28, 28] };
/** @type {import("../protocol/learning.js").HowToLearn} */
let how = { learningRate: 1e-3, varies: true, mirrors: false };
let rehearses = false;
/** Counts what the visitor wanted, learning or a pause: a loop ends when it is not the last wish any more. */
let wish = 0;
/** The end of the loops that there were. */
let loops = Promise.resolve();
/** @type {import("./kept.js").Store | null} */
let store = null;
let keptAt = 0;
/** Whether the walks of this learner have been drawn. */
let hasWalked = false;
/** Errors before learning began, one for each time. @type {(number | null)[] | null} */
let before = null;
/** What was found in the store and not continued yet. @type {Uint8Array | null} */
let found = null;

const wasm = () => loadLearnerWasm(new ByteCount(() => {}));

function present() {
  if (learner === null || learning === null) throw new Error("nothing is being learned yet");
  return { learner, learning };
}

/** Lets messages in. */
const breathe = () => new Promise((resolve) => setTimeout(resolve));

/** Hands the settings to the crate. @param {Learner} one */
function apply(one) {
  const { varies, mirrors } = how;
  if (varies) one.vary(2, 10, 0.5, mirrors);
  else one.vary(0, 0, 0, mirrors);
}

/** @returns {Promise<LearnedStep>} */
async function descend() {
  const { learner, learning } = present();
  const began = performance.now();
  const { step, loss } = await learner.descend(how.learningRate);
  learning.step = step;
  learning.losses.push(loss);
  const images = rehearses ? 2 * BATCH : BATCH;
  return { step, loss, milliseconds: performance.now() - began, images };
}

/**
 * Draws the walks; each step of them is a turn of its own.
 * @param {(event: LearnerEvent) => void} emit
 * @param {number} mine the wish that it belongs to
 */
async function walk(emit, mine) {
  const { model, chain, step } = await inTurn(null, () => {
    const { learner, learning } = present();
    const model = learner.model();
    const { trainTimesteps, nullLabel } = model.info;
    const chain = model.chain({
      seed: WALKS.seed,
      count: WALKS.count,
      label: learning.label,
      guidanceScale: learning.label === null || nullLabel === null ? 1 : WALKS.guidanceScale,
      sampler: "ddim",
      spacing: "trailing",
      numInferenceSteps: Math.min(WALKS.numInferenceSteps, trainTimesteps),
    });
    return { model, chain, step: learning.step };
  });
  try {
    for (;;) {
      const { done, xPrev } = await inTurn(null, () => chain.step());
      if (done) {
        hasWalked = true;
        emit({ walks: { step, images: xPrev, shape: Array.from(chain.shape) } });
        return;
      }
      await breathe();
      if (mine !== wish) return;
    }
  } finally {
    chain.free();
    model.free();
  }
}

/** Measures the error over t. @param {(event: LearnerEvent) => void} emit */
async function measure(emit) {
  const T = await inTurn(null, () => {
    const model = present().learner.model();
    const { trainTimesteps } = model.info;
    model.free();
    return trainTimesteps;
  });
  const timesteps = Array.from({ length: TIMES }, (_, i) => Math.floor(((i + 0.5) * T) / TIMES));
  /** @param {boolean} isBefore */
  const errors = async (isBefore) => {
    /** @type {(number | null)[]} */
    const all = [];
    for (const t of timesteps) {
      all.push((await inTurn(null, () => present().learner.errorAt(t, isBefore))) ?? null);
      await breathe();
    }
    return all;
  };
  before ??= await errors(true);
  emit({ errors: { timesteps, before, after: await errors(false) } });
}

/** Keeps all there is. @param {(event: LearnerEvent) => void} emit */
async function keep(emit) {
  if (store === null) return;
  keptAt = performance.now();
  try {
    const bytes = learner?.keep() ?? new Uint8Array(0);
    await store.write(pack({ learning, how, rehearses, ...shown }, bytes));
    emit({ kept: { step: learning?.step ?? 0 } });
  } catch (error) {
    // Full, or refused from now on: it learns all the same.
    store = null;
    emit({
      notKept: {
        reason: `This browser did not keep what was learned (${sentence(error)}), so a reload will forget it.`,
      },
    });
  }
}

/**
 * Learns up to a step, or until something else is wanted.
 * @param {number} until
 * @param {(event: LearnerEvent) => void} emit
 * @param {number} mine the wish that it belongs to
 */
async function learn(until, emit, mine) {
  // What it draws before it has learned anything, or what it drew before a reload.
  if (!hasWalked) await walk(emit, mine);
  while (mine === wish && (learning?.step ?? until) < until) {
    const taken = await inTurn(null, descend);
    emit({ step: taken });
    const isTime = taken.step % LOOK_EVERY === 0;
    if (isTime || taken.step === FIRST_WALK) await walk(emit, mine);
    if (isTime) await measure(emit);
    if (performance.now() - keptAt > KEEP_EVERY) await inTurn(null, () => keep(emit));
    await breathe();
  }
}

/** After a step that was not taken: the last good state, and why. @param {unknown} error */
function goBack(error) {
  const { learner, learning } = present();
  learning.step = learner.undo();
  learning.losses.length = learning.step;
  return `${asSentence(sentence(error))} Learning went back to step ${learning.step}.`;
}

/**
 * @param {(event: LearnerEvent) => void} emit
 * @param {(error: unknown) => boolean} isFatal whether the module can be of no more use
 * @returns {{ [M in keyof LearnerCalls]: (params: LearnerCalls[M]["params"]) => LearnerCalls[M]["result"] | Promise<LearnerCalls[M]["result"]> }}
 */
export function learningMethods(emit, isFatal) {
  /** @param {number} until @param {number} mine the wish that it belongs to */
  const run = async (until, mine) => {
    if (mine !== wish) return;
    let reason = "";
    try {
      await learn(until, emit, mine);
    } catch (error) {
      if (isFatal(error)) throw error;
      // Forgotten meanwhile.
      if (learner === null) return;
      reason = goBack(error);
    }
    const isLast = mine === wish;
    if (isLast || reason !== "") emit({ paused: { reason } });
    if (learner === null) return;
    await inTurn(null, () => keep(emit));
    if (!isLast) return;
    await walk(emit, mine);
    await measure(emit);
  };
  return {
    async open() {
      const opened = await openStore();
      store = opened.store;
      const { storage, reason } = opened;
      found = (await store?.read()) ?? null;
      const kept = found === null ? null : unpack(found);
      if (kept === null) return { kept: null, storage, reason };
      const { examples, shape } = kept.about;
      shown = { examples, shape };
      how = kept.about.how;
      return { kept: { learning: kept.about.learning, examples, shape }, storage, reason };
    },
    begin: ({ from, model, shape, rehearsal, seed, examples }) =>
      inTurn(null, async () => {
        wish += 1;
        const module = await wasm();
        learner?.free();
        learner = null;
        learning = null;
        before = null;
        found = null;
        hasWalked = false;
        if (from === "model") {
          const source = typeof model === "string" ? ownModel(model, false) : model;
          const { folder } = readModel(source, new ByteCount(() => {}));
          const { unetConfig, schedulerConfig, labels, weights } = await folder;
          learner = module.Learner.fromModel(unetConfig, schedulerConfig, labels, weights, seed);
        } else {
          const [channels = 1, height = 28, width = 28] = shape;
          learner = module.Learner.fromNothing(channels, height, width, seed);
        }
        rehearses = from === "model" && rehearsal !== null;
        if (rehearsal !== null && rehearses) learner.rehearse(rehearsal.images, rehearsal.labels);
        shown = { examples, shape: Array.from(learner.shape) };
        learner.show(examples);
        apply(learner);
        learning = { from, shape: shown.shape, label: learner.label ?? null, step: 0, losses: [] };
        await keep(emit);
        return learning;
      }),
    continue: () =>
      inTurn(null, async () => {
        const kept = found === null ? null : unpack(found);
        if (kept === null || kept.about.learning === null) {
          throw new Error("There is nothing to continue. Press Begin again.");
        }
        const module = await wasm();
        learner = module.Learner.continued(kept.learner);
        found = null;
        ({ learning, rehearses } = kept.about);
        apply(learner);
        return present().learning;
      }),
    show: ({ examples, shape }) =>
      inTurn(null, async () => {
        shown = { examples, shape };
        learner?.show(examples);
        if (learning === null && found === null) await keep(emit);
        return null;
      }),
    set: (change) =>
      inTurn(null, () => {
        how = change;
        if (learner !== null) apply(learner);
        return null;
      }),
    learn({ until }) {
      present();
      const mine = ++wish;
      // The loop continues behind this answer; what breaks it is reported as any other breakdown is.
      loops = loops.then(() => run(until, mine)).catch(reportError);
      return null;
    },
    pause() {
      wish += 1;
      return inTurn(null, () => null);
    },
    draw: () => inTurn(null, () => present().learner.draw()),
    descend: () =>
      inTurn(null, async () => {
        try {
          return await descend();
        } catch (error) {
          if (isFatal(error)) throw error;
          throw new Error(goBack(error));
        }
      }),
    undo: () =>
      inTurn(null, async () => {
        const { learner, learning } = present();
        learning.step = learner.undo();
        learning.losses.length = learning.step;
        await keep(emit);
        return learning;
      }),
    model: ({ card }) =>
      inTurn(null, async () => {
        const files = await filesOf(card);
        /** @param {string} path */
        const text = (path) => {
          const content = files[path];
          return content === undefined ? undefined : new TextDecoder().decode(content);
        };
        const weights = Object.keys(files).filter((path) => path.endsWith(".safetensors"));
        return {
          kind: "files",
          name: "yours",
          unetConfig: text("unet/config.json") ?? "",
          schedulerConfig: text("scheduler/scheduler_config.json") ?? "",
          modelIndex: text("model_index.json"),
          labels: text("labels.json"),
          golden: text("golden.json"),
          best: undefined,
          optimum: undefined,
          weights: weights.map(
            (path) => new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (files[path])]),
          ),
          notes: [],
        };
      }),
    zip: ({ card, name }) =>
      inTurn(null, async () => {
        const files = Object.entries(await filesOf(card));
        // Weights have nothing in them to squeeze out.
        const zip = zipSync(
          Object.fromEntries(files.map(([path, content]) => [`${name}/${path}`, content])),
          { level: 0 },
        );
        return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (zip)], {
          type: "application/zip",
        });
      }),
    async settle() {
      await loops;
      return inTurn(null, async () => {
        // What was found and is not continued is kept as it is.
        if (learner !== null) await keep(emit);
        return null;
      });
    },
    forget: async () => {
      wish += 1;
      return inTurn(null, async () => {
        learner?.free();
        learner = null;
        learning = null;
        found = null;
        shown = { ...shown, examples: new Float32Array(0) };
        await store?.forget();
        return null;
      });
    },
  };
}

/** The files of the model as it is now, by path. @param {string} card @returns {Promise<Record<string, Uint8Array>>} */
async function filesOf(card) {
  const { paths, contents } = await present().learner.folder(card);
  return Object.fromEntries(paths.map((path, i) => [path, contents[i] ?? new Uint8Array(0)]));
}
