// Learning: the methods of the worker that learns, and the loop between them. A build of the crate with the backward passes
// is loaded with the first call that needs it.

import { asSentence, sentence } from "../basics/sentence.js";
import { ByteCount } from "../compute/download.js";
import { readModel } from "../compute/folder.js";
import { sourceOf } from "../models/own.js";
import { USUALLY } from "../protocol/learning.js";
import { forgetKept, giveUp, isDue, isStored, keepsNow, openKept, write } from "./keeping.js";
import { asSource, asZip } from "./learned-files.js";
import { afterGpu, begin, have, isOnGpu, keepInMind, letGo, theOne } from "./learning-device.js";
import { pack, unpack } from "./learning-file.js";
import { breathe, drawWalks, errorsAt, timesOf } from "./learning-looks.js";
import { inTurn } from "./queue.js";

/** @typedef {import("../protocol/learning.js").LearnerCalls} LearnerCalls */
/** @typedef {import("../protocol/learning.js").LearnerEvent} LearnerEvent */
/** @typedef {import("../protocol/learning.js").Learning} Learning */
/** @typedef {import("../protocol/learning.js").LearnedStep} LearnedStep */
/** @typedef {import("../compute/wasm.js").Learner} Learner */

/** So many steps lie between two drawings of them, which take as long as ten steps, and two measurements of the error. */
const LOOK_EVERY = 50;
/** The first drawing comes sooner. */
const FIRST_WALK = 25;
/** Images in a step: examples, and as many of the classes that were there before. */
const BATCH = 4;

/** What is known of the learner. @type {Learning | null} */
let learning = null;
/** Says to the page what happens. @type {(event: LearnerEvent) => void} */
let tell = () => {};
/** @type {{ examples: Float32Array, shape: number[] }} */
let shown = { examples: new Float32Array(0), shape: [1, 28, 28] };
let how = USUALLY;
let rehearses = false;
/** Whether a loop runs, which keeps what it learns from time to time. */
let isLearning = false;
/** Counts what the visitor wanted, learning or a pause: a loop ends when it is not the last wish any more. */
let wish = 0;
/** The end of the loops that there were. */
let loops = Promise.resolve();
/** Whether the walks of this learner have been drawn. */
let hasWalked = false;
/** Errors before learning began, one for each time. @type {(number | null)[] | null} */
let before = null;
/** What the crate needs to continue what was found in the store, until it does. @type {Uint8Array | null} */
let found = null;

function present() {
  const learner = theOne();
  if (learner === null || learning === null) throw new Error("nothing is being learned yet");
  return { learner, learning };
}

/** Hands the settings to the crate. @param {Learner} one */
function apply(one) {
  const { varies, mirrors } = how;
  if (varies) one.vary(2, 10, 0.5, mirrors);
  else one.vary(0, 0, 0, mirrors);
}

/** Hands the examples to the crate, if they are of the kind that it learns. */
function hand() {
  const learner = theOne();
  if (learner === null) return;
  const { shape } = present().learning;
  if (shape.every((side, i) => side === shown.shape[i])) learner.show(shown.examples);
}

/**
 * The learner on the CPU, as it was kept last, where an error is the GPU's.
 * @param {unknown} error
 * @returns {Promise<Learner | null>}
 */
async function onCpuAfter(error) {
  const moved = await afterGpu(error);
  if (moved === null) return null;
  const { learner, step, notice } = moved;
  hand();
  apply(learner);
  if (learning !== null) {
    learning.step = step;
    learning.losses.length = step;
  }
  tell({ learnsOn: { device: "cpu", step, notice } });
  return learner;
}

/**
 * Work of the learner, which is done on the CPU where the GPU fails.
 * @template T
 * @param {(learner: Learner) => T | Promise<T>} work
 * @returns {Promise<T>}
 */
async function using(work) {
  try {
    return await have(present().learner, work);
  } catch (error) {
    const next = await onCpuAfter(error);
    if (next === null) throw error;
    return work(next);
  }
}

/** @returns {Promise<LearnedStep>} */
async function descend() {
  const { learning } = present();
  const began = performance.now();
  const { step, loss } = await using((learner) => learner.descend(how.learningRate));
  learning.step = step;
  learning.losses.push(loss);
  const images = rehearses ? 2 * BATCH : BATCH;
  return { step, loss, milliseconds: performance.now() - began, images };
}

/**
 * Draws the walks, again from the start where the GPU fails.
 * @param {(event: LearnerEvent) => void} emit
 * @param {number} mine the wish that it belongs to
 */
async function walk(emit, mine) {
  try {
    await walkOnce(emit, mine);
  } catch (error) {
    if ((await inTurn(null, () => onCpuAfter(error))) === null) throw error;
    await walkOnce(emit, mine);
  }
}

/** @param {(event: LearnerEvent) => void} emit @param {number} mine */
async function walkOnce(emit, mine) {
  const walks = await drawWalks({
    using,
    learning: () => present().learning,
    isWanted: () => mine === wish,
  });
  if (walks === null) return;
  hasWalked = true;
  emit({ walks });
}

/** Measures the error over t. @param {(event: LearnerEvent) => void} emit */
async function measure(emit) {
  const timesteps = await timesOf(using);
  before ??= await errorsAt(using, timesteps, true);
  emit({ errors: { timesteps, before, after: await errorsAt(using, timesteps, false) } });
}

/**
 * Keeps all there is; what is on the GPU also in memory, for the case that the GPU fails.
 * @param {(event: LearnerEvent) => void} emit
 * @param {(error: unknown) => boolean} isFatal
 */
async function keep(emit, isFatal) {
  const isKept = isStored();
  if (!isKept && !isOnGpu()) return;
  keepsNow();
  if (isKept) emit({ keeping: true });
  try {
    const isThere = theOne() !== null;
    const none = found ?? new Uint8Array(0);
    const bytes = isThere ? await using((learner) => learner.keep()) : none;
    keepInMind(bytes);
    if (!isKept) return;
    const storage = await write(pack({ learning, how, rehearses, ...shown }, bytes));
    emit({ kept: { storage } });
  } catch (error) {
    // No memory for a copy of it is no reason to end, unless the module had none.
    if (isFatal(error) && !(error instanceof RangeError)) throw error;
    // Full, or refused from now on: it learns all the same.
    giveUp();
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
 * @param {(error: unknown) => boolean} isFatal
 */
async function learn(until, emit, mine, isFatal) {
  // What it draws before it has learned anything, or what it drew before a reload.
  if (!hasWalked) await walk(emit, mine);
  while (mine === wish && (learning?.step ?? until) < until) {
    const taken = await inTurn(null, descend);
    emit({ step: taken });
    const isTime = taken.step % LOOK_EVERY === 0;
    if (isTime || taken.step === FIRST_WALK) await walk(emit, mine);
    if (isTime) await measure(emit);
    if (isDue()) await inTurn(null, () => keep(emit, isFatal));
    await breathe();
  }
}

/** After a step that was not taken: the last good state, and why. @param {unknown} error */
async function goBack(error) {
  const { learning } = present();
  learning.step = await using((learner) => learner.undo());
  learning.losses.length = learning.step;
  return `${asSentence(sentence(error))} Learning went back to step ${learning.step}.`;
}

/**
 * @param {(event: LearnerEvent) => void} emit
 * @param {(error: unknown) => boolean} isFatal whether the module can be of no more use
 * @returns {{ [M in keyof LearnerCalls]: (params: LearnerCalls[M]["params"]) => LearnerCalls[M]["result"] | Promise<LearnerCalls[M]["result"]> }}
 */
export function learningMethods(emit, isFatal) {
  tell = emit;
  /** @param {number} until @param {number} mine the wish that it belongs to */
  const run = async (until, mine) => {
    if (mine !== wish) return;
    let reason = "";
    isLearning = true;
    try {
      await learn(until, emit, mine, isFatal);
    } catch (error) {
      if (isFatal(error)) throw error;
      // Forgotten meanwhile.
      if (theOne() === null) return;
      reason = await inTurn(null, () => goBack(error));
    } finally {
      isLearning = false;
    }
    const isLast = mine === wish;
    // What was wanted meanwhile was wanted of another state.
    if (reason !== "") wish += 1;
    if (isLast || reason !== "") emit({ paused: { reason } });
    if (theOne() === null) return;
    await inTurn(null, () => keep(emit, isFatal));
    if (!isLast) return;
    await walk(emit, wish);
    await measure(emit);
  };
  return {
    async open({ keeps }) {
      const { bytes, where } = await openKept(keeps);
      const kept = bytes === null ? null : unpack(bytes);
      if (kept === null) return { kept: null, ...where };
      const { examples, shape } = kept.about;
      shown = { examples, shape };
      ({ how, learning, rehearses } = kept.about);
      found = learning === null ? null : kept.learner;
      return { kept: { learning, examples, shape, how }, ...where };
    },
    begin: ({ from, model, shape, rehearsal, seed, examples, device: wanted }) =>
      inTurn(null, async () => {
        wish += 1;
        letGo();
        learning = null;
        before = null;
        found = null;
        hasWalked = false;
        const progress = new ByteCount(() => {});
        const folder = from === "model" ? await readModel(sourceOf(model), progress).folder : null;
        const begun = await begin(wanted, ({ Learner }) => {
          const [channels = 1, height = 28, width = 28] = shape;
          if (folder === null) return Learner.fromNothing(channels, height, width, seed);
          const { unetConfig, schedulerConfig, labels, weights } = folder;
          return Learner.fromModel(unetConfig, schedulerConfig, labels, weights, seed);
        });
        const { learner, device, notice } = begun;
        rehearses = from === "model" && rehearsal !== null;
        if (rehearsal !== null && rehearses) learner.rehearse(rehearsal.images, rehearsal.labels);
        shown = { examples, shape: Array.from(learner.shape) };
        learner.show(examples);
        apply(learner);
        learning = { from, shape: shown.shape, label: learner.label ?? null, step: 0, losses: [] };
        emit({ learnsOn: { device, step: 0, notice } });
        await keep(emit, isFatal);
        return learning;
      }),
    continue: ({ device: wanted }) =>
      inTurn(null, async () => {
        if (theOne() !== null) return present().learning;
        if (found === null) throw new Error("There is nothing to continue. Press Begin again.");
        const bytes = found;
        const begun = await begin(wanted, ({ Learner }) => Learner.continued(bytes));
        const { learner, device, notice } = begun;
        found = null;
        keepInMind(bytes.slice());
        hand();
        apply(learner);
        emit({ learnsOn: { device, step: learner.step, notice } });
        return present().learning;
      }),
    show: ({ examples, shape }) =>
      inTurn(null, async () => {
        shown = { examples, shape };
        hand();
        if (!isLearning) await keep(emit, isFatal);
        return null;
      }),
    set: (change) =>
      inTurn(null, () => {
        how = change;
        const learner = theOne();
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
    draw: () => inTurn(null, () => using((learner) => learner.draw())),
    descend: () =>
      inTurn(null, async () => {
        try {
          return await descend();
        } catch (error) {
          if (isFatal(error)) throw error;
          throw new Error(await goBack(error));
        }
      }),
    undo: () =>
      inTurn(null, async () => {
        const { learning } = present();
        learning.step = await using((learner) => learner.undo());
        learning.losses.length = learning.step;
        await keep(emit, isFatal);
        return learning;
      }),
    model: ({ card }) =>
      inTurn(null, async () => asSource(await using((learner) => learner.folder(card)))),
    zip: ({ card, name }) =>
      inTurn(null, async () => asZip(await using((learner) => learner.folder(card)), name)),
    async settle() {
      await loops;
      return inTurn(null, async () => {
        // What was found and is not continued is kept as it is.
        if (theOne() !== null) await keep(emit, isFatal);
        return null;
      });
    },
    forget: async () => {
      wish += 1;
      return inTurn(null, async () => {
        letGo();
        learning = null;
        found = null;
        shown = { ...shown, examples: new Float32Array(0) };
        const storage = await forgetKept();
        if (storage !== null) emit({ kept: { storage } });
        return null;
      });
    },
  };
}
