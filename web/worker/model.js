// The methods of the worker with the model. There is one model at a time.

import { doneInFull } from "../compute/gpu-watch.js";
import { start } from "../compute/startup.js";
import { closeAllChains, closeChain, openChain, stepChain } from "./chains.js";
import { inTurn, inTurnUnlessCancelled } from "./queue.js";

/** @typedef {import("../protocol/calls.js").ModelCalls} ModelCalls */

/** @type {import("../compute/wasm.js").Model | null} */
let model = null;
/** @type {import("../protocol/messages.js").Device | null} */
let device = null;

function loadedModel() {
  if (model === null) throw new Error("no model is loaded yet");
  return model;
}

/** @returns {import("../protocol/messages.js").Device | null} what computes; null before a model is loaded */
export function computingDevice() {
  return device;
}

/**
 * Work on the device.
 * @template T
 * @param {number} call
 * @param {() => T | Promise<T>} work
 */
function compute(call, work) {
  return inTurnUnlessCancelled(call, () => doneInFull(work));
}

/**
 * @param {(progress: import("../protocol/messages.js").Progress) => void} report
 * @returns {{ [M in keyof ModelCalls]: (params: ModelCalls[M]["params"], call: number) => ModelCalls[M]["result"] | Promise<ModelCalls[M]["result"] | undefined> }} undefined for a cancelled call
 */
export function modelMethods(report) {
  return {
    load(wish, call) {
      closeAllChains();
      return inTurn(call, async () => {
        model?.free();
        model = null;
        device = null;
        const started = await start(wish, report);
        model = started.model;
        device = started.loaded.info.device;
        if (wish.batch !== undefined && wish.batch < Infinity) model.askAtMost(wish.batch);
        return started.loaded;
      });
    },
    open: (params) => openChain(loadedModel(), params),
    step: (params, call) => compute(call, () => stepChain(params)),
    close({ chain }) {
      closeChain(chain);
      return null;
    },
    predict: ({ xt, count, timestep, labels }, call) =>
      compute(call, () => loadedModel().predict(xt, count, timestep, labels)),
    denoise: ({ xt, count, timestep, labels }, call) =>
      compute(call, () => loadedModel().denoise(xt, count, timestep, labels)),
    boundTerm: ({ x0, timestep, label, seed }, call) =>
      compute(call, () => loadedModel().boundTerm(x0, timestep, label, seed)),
    priorTerm: ({ x0 }, call) => compute(call, () => loadedModel().priorTerm(x0)),
    look: ({ xt, timestep, label }, call) =>
      compute(call, () => loadedModel().look(xt, timestep, label)),
    timeEmbeddings: ({ timesteps }, call) =>
      compute(call, () => loadedModel().timeEmbeddings(timesteps)),
  };
}
