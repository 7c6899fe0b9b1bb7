// The files of what was learned, as a model that is opened and as an archive.

import { zipSync } from "../vendor/fflate.js";

/** @typedef {import("../protocol/learner.js").LearnedFiles} LearnedFiles */

/** @param {LearnedFiles} files @returns {[path: string, content: Uint8Array<ArrayBuffer>][]} */
const entries = ({ paths, contents }) =>
  paths.map((path, i) => [
    path,
    /** @type {Uint8Array<ArrayBuffer>} */ (contents[i] ?? new Uint8Array(0)),
  ]);

/** As if the files had been opened. @param {LearnedFiles} files @returns {import("../models/source.js").FileSource} */
export function asSource(files) {
  const all = new Map(entries(files));
  /** @param {string} path */
  const text = (path) => {
    const content = all.get(path);
    return content === undefined ? undefined : new TextDecoder().decode(content);
  };
  const weights = [...all].filter(([path]) => path.endsWith(".safetensors"));
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
    weights: weights.map(([, content]) => new Blob([content])),
    notes: [],
  };
}

/** @param {LearnedFiles} files @param {string} name of the folder in the archive @returns {Blob} */
export function asZip(files, name) {
  const inFolder = entries(files).map(([path, content]) => [`${name}/${path}`, content]);
  // Weights have nothing in them to squeeze out.
  const zip = zipSync(Object.fromEntries(inFolder), { level: 0 });
  return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (zip)], { type: "application/zip" });
}
