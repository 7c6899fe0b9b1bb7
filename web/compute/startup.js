// Loads a model on a device, and checks that it computes correctly.

import { duration } from "../basics/numbers.js";
import { asSentence, sentence } from "../basics/sentence.js";
import { sourceOf } from "../models/own.js";
import { ByteCount, DownloadError } from "./download.js";
import { readModel } from "./folder.js";
import { doneInFull, gpuLost } from "./gpu-watch.js";
import { findGpu } from "./gpu.js";
import { cpuIsFaster, isDoubtful, secondsOnCpu, timed } from "./step-time.js";
import { loadWasm } from "./wasm.js";

/** @typedef {import("../protocol/messages.js").Device} Device */
/** @typedef {import("../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../protocol/messages.js").StartCheck} StartCheck */
/** @typedef {import("../protocol/messages.js").StepTimes} StepTimes */
/** @typedef {import("./folder.js").ModelFolder} ModelFolder */
/** @typedef {import("./wasm.js").Model} Model */

/**
 * How far two devices may differ in one value of eps-hat, or of what is larger than noise, of its size. Different
 * orders of summation give about 1e-4; a kernel that was skipped gives about 1.
 */
const TOLERANCE = 2e-2;

/** What a GPU is asked after the first input, and what its answers are called. */
const OTHERS = /** @type {const} */ ([
  [1, "the second answer"],
  [2, "the third answer"],
]);

/**
 * A model on a device.
 * @typedef {object} Started
 * @property {Model} model
 * @property {StartCheck} check
 * @property {number} milliseconds that a step takes
 * @property {string[]} notes what was chosen in its files
 * @property {import("../models/best.js").Best | null} best
 * @property {import("../models/optimum.js").Optimum | null} optimum
 */

/** A device computes, but its results are wrong. */
class WrongAnswer extends Error {}

/**
 * Loads a model on the chosen device. "auto" chooses WebGPU if there is a real GPU, and the CPU otherwise, or if the
 * GPU fails or is clearly slower than the CPU; a device chosen by name is used or the call
 * fails.
 * @param {import("../protocol/calls.js").Calls["load"]["params"]} wish
 * @param {(progress: import("../protocol/messages.js").Progress) => void} report
 * @returns {Promise<{ model: Model, loaded: Loaded }>}
 */
export async function start({ model: wish, device }, report) {
  const source = sourceOf(wish);
  const count = new ByteCount((loaded, total) =>
    report({
      activity: source.kind === "files" ? "Reading the model" : "Fetching the model",
      loaded,
      total,
    }),
  );
  const reading = readModel(source, count);

  let notice = null;
  if (device !== "cpu") {
    const gpu = await findGpu();
    if (device === "webgpu" && !gpu.available) {
      throw new Error(`${gpu.reason}.`);
    }
    if (device === "webgpu" || gpu.reason === "") {
      try {
        return await unlessGpuIsLost(async () => {
          const onGpu = await startOn("webgpu", reading, count, report);
          return unlessCpuIsFaster(onGpu, gpu, device, () =>
            startOn("cpu", reading, count, report),
          );
        });
      } catch (error) {
        if (device === "webgpu" || error instanceof DownloadError) throw error;
        notice =
          error instanceof WrongAnswer
            ? `The GPU did not pass the check at start (${sentence(error)}), so the CPU computes.`
            : `WebGPU did not start (${sentence(error)}), so the CPU computes.`;
      }
    } else {
      notice = `${gpu.reason}, so the CPU computes.`;
    }
  }
  const onCpu = await startOn("cpu", reading, count, report);
  return { model: onCpu.model, loaded: described(onCpu, notice, null, {}) };
}

/**
 * A start on the GPU. It is abandoned if the GPU is lost, because calls to a lost GPU may never end.
 * @template {{ model: Model }} S
 * @param {() => Promise<S>} begin
 * @returns {Promise<S>}
 */
async function unlessGpuIsLost(begin) {
  let givenUp = false;
  const lost = gpuLost.then((reason) => {
    givenUp = true;
    throw new Error(`the GPU was lost: ${reason}`);
  });
  const started = begin();
  // A model that comes too late is freed, and its errors are ignored.
  started.then(({ model }) => givenUp && model.free()).catch(() => {});
  return Promise.race([started, lost]);
}

/**
 * The model on the GPU or, where the visitor did not ask for that and it is clearly faster, on the CPU.
 * @param {Started} onGpu
 * @param {import("./gpu.js").Gpu} gpu
 * @param {import("../protocol/messages.js").DeviceChoice} device
 * @param {() => Promise<Started>} startOnCpu is called only where the GPU is slow
 * @returns {Promise<{ model: Model, loaded: Loaded }>}
 */
async function unlessCpuIsFaster(onGpu, gpu, device, startOnCpu) {
  /** @param {string | null} notice @param {StepTimes} [times] */
  const stay = (notice, times = {}) => ({
    model: onGpu.model,
    loaded: described(onGpu, notice, gpu, times),
  });
  if (gpu.reason !== "") return stay(`${gpu.reason}. You can choose the CPU under "More".`);
  const { info } = onGpu.model;
  if (!isDoubtful(info, onGpu.milliseconds)) return stay(null);
  // Two models may be too much for the memory; then there is nothing to compare with.
  const onCpu = await startOnCpu()
    .then(timeAgain)
    .catch(() => null);
  if (onCpu === null) return stay(null);
  const times = { webgpu: onGpu.milliseconds, cpu: onCpu.milliseconds };
  const faster = cpuIsFaster(times);
  const compared = `A step takes ${duration(times.webgpu)} on the GPU here and ${duration(times.cpu)} on the CPU`;
  if (faster && device === "auto") {
    onGpu.model.free();
    const notice = `${compared}, so the CPU computes.`;
    return { model: onCpu.model, loaded: described(onCpu, notice, null, times) };
  }
  onCpu.model.free();
  return stay(faster ? `${compared}. You can choose the CPU under "More".` : null, times);
}

/**
 * Keeps the shorter of two times. A model that breaks down meanwhile is freed.
 * @param {Started} started
 * @returns {Promise<Started>} the same
 */
async function timeAgain(started) {
  try {
    const { milliseconds } = await timed(() => doneInFull(() => started.model.probe(0)));
    started.milliseconds = Math.min(started.milliseconds, milliseconds);
    return started;
  } catch (error) {
    started.model.free();
    throw error;
  }
}

/**
 * @param {Device} device
 * @param {import("./folder.js").Reading} reading
 * @param {ByteCount} count
 * @param {(progress: import("../protocol/messages.js").Progress) => void} report
 * @returns {Promise<Started>}
 */
async function startOn(device, reading, count, report) {
  const ready = loadWasm(device, count).then(async (wasm) => {
    const { unetConfig, modelIndex } = await reading.head;
    if (modelIndex !== undefined) wasm.checkModelIndex(modelIndex);
    await doneInFull(async () => wasm.prepare?.(unetConfig));
    return wasm;
  });
  const [wasm, folder] = await Promise.all([ready, reading.folder]);
  return loadOn(device, wasm, folder, false, report);
}

/**
 * The model on the device, once its answers are right. A GPU that reads float16 wrongly may read float32 rightly.
 * @param {Device} device
 * @param {import("./wasm.js").WasmModule} wasm
 * @param {ModelFolder} folder
 * @param {boolean} inSingle whether a GPU is to store float32
 * @param {(progress: import("../protocol/messages.js").Progress) => void} report
 * @returns {Promise<Started>}
 */
async function loadOn(device, wasm, folder, inSingle, report) {
  const where = device === "webgpu" ? "GPU" : "CPU";
  report({ activity: `Loading the network onto the ${where}`, loaded: 0, total: 0 });
  const model = await load(wasm, folder, inSingle);
  const { inHalf } = model;
  try {
    if (model.info.device !== device) {
      throw new WrongAnswer(`the model runs on "${model.info.device}" instead of "${device}"`);
    }
    const long = secondsOnCpu(model.info) >= 1 ? ", which takes a while with so large a model" : "";
    report({
      activity: `Checking the ${where} with a known result${long}`,
      loaded: 0,
      total: 0,
    });
    const notes = [...folder.notes, ...model.info.notes.map(asSentence)];
    const { best, optimum } = folder;
    return { model, notes, best, optimum, ...(await checkAnswer(model, folder)) };
  } catch (error) {
    model.free();
    if (inHalf && error instanceof WrongAnswer) return loadOn(device, wasm, folder, true, report);
    throw error;
  }
}

/** @param {import("./wasm.js").WasmModule} wasm @param {ModelFolder} folder @param {boolean} inSingle whether a GPU is to store float32 */
function load(wasm, folder, inSingle) {
  const { unetConfig, schedulerConfig, labels, weights } = folder;
  return wasm.Model.load(unetConfig, schedulerConfig, labels, weights, inSingle);
}

/**
 * WGSL that fails to compile is skipped without an error, so the only proof that a GPU computes is an
 * answer that is known already: the folder's golden one, or else the CPU's. What a GPU did for its first answer is
 * recorded, and repeated from then on, as all steps are; so further ones are compared. They are at other timesteps,
 * because the memory still holds the answers before.
 * @param {Model} model
 * @param {ModelFolder} folder
 * @returns {Promise<{ check: StartCheck, milliseconds: number }>} and how long an answer took, without what only the first waits for
 */
async function checkAnswer(model, { name, golden }) {
  const ask = async (/** @type {number} */ which) => {
    const { answer, milliseconds } = await timed(() => doneInFull(() => model.probe(which)));
    if (!answer.every(Number.isFinite)) {
      throw new WrongAnswer(`the model "${name}" returns numbers that are not finite`);
    }
    return { answer, milliseconds };
  };
  const { answer, milliseconds } = await ask(0);
  const onGpu = model.info.device !== "cpu";
  if (golden === undefined && !onGpu) {
    return { check: { against: "none", difference: 0 }, milliseconds };
  }
  const known = golden ?? model.probeOnCpu(0);
  if (known.length !== answer.length) {
    throw new WrongAnswer(
      `golden.json of the model "${name}" has ${known.length} values, but the network returns ${answer.length}; export the model again`,
    );
  }
  const eps = `eps-hat of the model "${name}" differs from its known value`;
  const differences = [differenceOf(answer, known, eps)];
  const times = [milliseconds];
  for (const [which, named] of onGpu ? OTHERS : []) {
    const { answer, milliseconds } = await ask(which);
    const different = `${named} for the model "${name}" differs from the CPU's`;
    differences.push(differenceOf(answer, model.probeOnCpu(which), different));
    times.push(milliseconds);
  }
  const against = golden === undefined ? "cpu" : "golden";
  return {
    check: { against, difference: Math.max(...differences) },
    milliseconds: Math.min(...times),
  };
}

/**
 * The largest difference between two answers.
 * @param {Float32Array} answer
 * @param {Float32Array} known
 * @param {string} different what is said where it is too large
 */
function differenceOf(answer, known, different) {
  let [largest, squares] = [0, 0];
  known.forEach((value, i) => {
    // What is no number stays.
    largest = Math.max(largest, Math.abs(value - (answer[i] ?? NaN)));
    squares += value * value;
  });
  const size = Math.max(1, Math.sqrt(squares / known.length));
  if (!(largest <= TOLERANCE * size)) {
    throw new WrongAnswer(`${different} by ${largest.toPrecision(2)}`);
  }
  return largest;
}

/**
 * Describes a model for the page; one that cannot be described is freed.
 * @param {Started} started
 * @param {string | null} notice
 * @param {import("./gpu.js").Gpu | null} gpu null on the CPU
 * @param {StepTimes} others what a step takes elsewhere
 * @returns {Loaded}
 */
function described(started, notice, gpu, others) {
  try {
    return describe(started, notice, gpu, others);
  } catch (error) {
    started.model.free();
    throw error;
  }
}

/** @param {Started} started @param {string | null} notice @param {import("./gpu.js").Gpu | null} gpu @param {StepTimes} others @returns {Loaded} */
function describe({ model, check, milliseconds, notes, best, optimum }, notice, gpu, others) {
  const info = model.info;
  return {
    // Few browsers give the crate the adapter's name.
    info: {
      ...info,
      adapter: info.adapter || (gpu?.name ?? ""),
      notes,
      // Names come from a file, and may be nothing but blanks.
      classes: info.classes.map((name, label) => (name.trim() === "" ? String(label) : name)),
    },
    schedule: model.schedule(),
    notice,
    check,
    best,
    optimum,
    software: gpu?.software ?? false,
    stepTimes: { ...others, [info.device]: milliseconds },
  };
}
