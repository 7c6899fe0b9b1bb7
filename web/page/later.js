// What the page loads once the first image is there, or as soon as it is asked for.

import { loadModule } from "../basics/load-module.js";
import { asSentence, sentence } from "../basics/sentence.js";
import { loadMeanings } from "../parts/word.js";
import { showNotice } from "./notices.js";

/** Models that are not the page's own. */
export const otherModels = () => loadModule(() => import("./other-models.js"), "modelAt");

/** The help, and what else is around the figures. */
export const around = () => loadModule(() => import("./around.js"), "help");

/** Loads all of it; what cannot be loaded now is loaded when it is asked for. */
export async function loadLater() {
  await Promise.allSettled([around, otherModels, loadMeanings].map((load) => load()));
}

/**
 * Uses a part, and says where it cannot be loaded.
 * @template M
 * @param {() => Promise<M>} part
 * @param {(module: M) => void} use
 */
export async function use(part, use) {
  try {
    use(await part());
  } catch (error) {
    showNotice(asSentence(sentence(error)));
  }
}
