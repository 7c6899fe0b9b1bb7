// What was learned as a model folder: for the page, as if its files had been opened, and as an archive.

import { zipSync } from "../vendor/fflate.js";

/** @typedef {Record<string, Uint8Array>} Files contents by path */

/** @param {Files} files @param {string} name @returns {import("../models/source.js").FileSource} */
export function learnedModel(files, name) {
  /** @param {string} path */
  const text = (path) => {
    const content = files[path];
    return content === undefined ? undefined : new TextDecoder().decode(content);
  };
  const weights = Object.keys(files).filter((path) => path.endsWith(".safetensors"));
  return {
    kind: "files",
    name,
    unetConfig: text("unet/config.json") ?? "",
    schedulerConfig: text("scheduler/scheduler_config.json") ?? "",
    modelIndex: text("model_index.json"),
    labels: text("labels.json"),
    golden: text("golden.json"),
    best: undefined,
    weights: weights.map(
      (path) => new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (files[path])]),
    ),
    notes: [],
  };
}

/** @param {Files} files @param {string} name of the folder in the archive */
export function zipped(files, name) {
  // Weights have nothing in them to squeeze out.
  const zip = zipSync(
    Object.fromEntries(
      Object.entries(files).map(([path, content]) => [`${name}/${path}`, content]),
    ),
    { level: 0 },
  );
  return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (zip)], { type: "application/zip" });
}
