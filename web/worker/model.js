// What is asked of the model. There is one at a time.

import { start } from "../startup.js";
import { closeAllChains, closeChain, openChain, stepChain } from "./chains.js";
import { inTurn, inTurnUnlessCancelled } from "./queue.js";

/** @typedef {import("../protocol.js").ModelCalls} ModelCalls */

/** @type {import("../wasm.js").Model | null} */
let model = null;

function loadedModel() {
  if (model === null) throw new Error("no model is loaded yet");
  return model;
}

/**
 * @param {(progress: import("../protocol.js").Progress) => void} report
 * @returns {{ [M in keyof ModelCalls]: (params: ModelCalls[M]["params"], call: number) => ModelCalls[M]["result"] | Promise<ModelCalls[M]["result"] | undefined> }} undefined for what was taken back
 */
export function modelMethods(report) {
  return {
    load(wish) {
      closeAllChains();
      return inTurn(async () => {
        model?.free();
        model = null;
        const started = await start(wish, report);
        model = started.model;
        return started.loaded;
      });
    },
    open: (params) => openChain(loadedModel(), params),
    step: ({ chain }, call) => inTurnUnlessCancelled(call, () => stepChain(chain)),
    close({ chain }) {
      closeChain(chain);
      return null;
    },
    predict: ({ x, count, timestep, labels }, call) =>
      inTurnUnlessCancelled(call, () => loadedModel().predict(x, count, timestep, labels)),
    denoise: ({ x, count, timestep, labels }, call) =>
      inTurnUnlessCancelled(call, () => loadedModel().denoise(x, count, timestep, labels)),
    boundTerm: ({ x0, timestep, label, seed }, call) =>
      inTurnUnlessCancelled(call, () => loadedModel().boundTerm(x0, timestep, label, seed)),
    priorTerm: ({ x0 }, call) => inTurnUnlessCancelled(call, () => loadedModel().priorTerm(x0)),
    look: ({ x, timestep, label }, call) =>
      inTurnUnlessCancelled(call, () => loadedModel().look(x, timestep, label)),
    timeEmbeddings: ({ timesteps }, call) =>
      inTurnUnlessCancelled(call, () => loadedModel().timeEmbeddings(timesteps)),
  };
}
