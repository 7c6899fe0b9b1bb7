// Which file of a model is which: the layout of Hugging Face diffusers (unet/, scheduler/), the older flat
// one, or a few loose files. As in crate/src/folder.rs, with the names of crate/src/folder/layout.rs.

import {
  GOLDEN,
  LABELS,
  MAX_JSON,
  MAX_WEIGHTS,
  MODEL_INDEX,
  SCHEDULER_CONFIG,
  UNET_CONFIG,
  WEIGHTS,
} from "./names.js";

/** @typedef {{ path: string, size: number }} Entry a file; its path has forward slashes */
/**
 * What a model is made of.
 * @template T
 * @typedef {{ unetConfig: T, schedulerConfig: T, modelIndex: T | undefined, labels: T | undefined, golden: T | undefined, weights: T }} Parts
 */

const CONVERT =
  "Files of Python's pickle can run anything when they are read, so the page does not. Convert to safetensors: load the model in diffusers and save it with safe_serialization=True.";

/** The folder that a path lies in, with its slash; "" at the top. @param {string} path */
const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;

/** A path in a sentence: not longer than a line. @param {string} path */
export const short = (path) => (path.length > 80 ? `…${path.slice(-79)}` : path);

/**
 * Finds the parts of one model.
 * @template {Entry} E
 * @param {readonly E[]} entries
 * @returns {Parts<E>}
 * @throws {Error} a sentence that names what is missing, or larger than it can be
 */
export function findParts(entries) {
  const files = entries.filter(({ path }) => !/(^|\/)(\.|__MACOSX\/)/.test(path));
  const unetConfig = shallowest(files, UNET_CONFIG);
  if (unetConfig === undefined) throw new Error(noConfig(files));
  const beside = folderOf(unetConfig.path);
  const root = beside.replace(/(^|\/)unet\/$/, "$1");
  /** @param {string} path below the root */
  const at = (path) => files.find((file) => file.path === root + path);

  const schedulerConfig = SCHEDULER_CONFIG.map(at).find((file) => file !== undefined);
  if (schedulerConfig === undefined) {
    throw new Error(
      `There is no ${SCHEDULER_CONFIG[0]}, nor ${SCHEDULER_CONFIG[1]}: without it the noise schedule is unknown. Take it from where the model came from.`,
    );
  }
  const weights = findWeights(files, beside, root);
  const modelIndex = at(MODEL_INDEX);
  const labels = at(LABELS);
  const golden = at(GOLDEN);
  for (const file of [unetConfig, schedulerConfig, modelIndex, labels, golden]) {
    if (file === undefined || file.size <= MAX_JSON) continue;
    throw new Error(
      `${short(file.path)} has ${megabytes(file.size)}, far more than such a file needs (at most ${megabytes(MAX_JSON)}). Is this a model?`,
    );
  }
  if (weights.size > MAX_WEIGHTS) {
    throw new Error(
      `${short(weights.path)} has ${megabytes(weights.size)}; the page opens weights of up to ${megabytes(MAX_WEIGHTS)}, more does not fit into a browser. Storing them as float16 takes half of float32.`,
    );
  }
  return { unetConfig, schedulerConfig, modelIndex, labels, golden, weights };
}

/**
 * @template {Entry} E
 * @param {readonly E[]} files
 * @param {readonly string[]} names the better ones first
 * @returns {E | undefined} one at the end of whose path a name stands, nearest to the top
 */
function shallowest(files, names) {
  for (const name of names) {
    const found = files
      .filter(({ path }) => path === name || path.endsWith(`/${name}`))
      .sort((a, b) => a.path.split("/").length - b.path.split("/").length);
    if (found[0] !== undefined) return found[0];
  }
  return undefined;
}

/**
 * @template {Entry} E
 * @param {readonly E[]} files
 * @param {string} beside the folder of the U-Net's configuration
 * @param {string} root
 * @returns {E}
 */
function findWeights(files, beside, root) {
  const here = files.filter(({ path }) => folderOf(path) === beside);
  /** @param {string} name */
  const named = (name) => here.find(({ path }) => path === beside + name);
  const usual = WEIGHTS.map(named).find((file) => file !== undefined);
  if (usual !== undefined) return usual;
  // Under another name they are as good, where there is no doubt.
  const others = here.filter(({ path }) => path.endsWith(".safetensors"));
  if (others.length === 1 && others[0] !== undefined) return others[0];

  const place = beside.slice(root.length);
  const split = here.find(({ path }) => path.endsWith(".safetensors.index.json"));
  if (split !== undefined || others.length > 1) {
    throw new Error(
      `The weights are split into several files. Save them as one, ${place}${WEIGHTS[0]}: in diffusers, save_pretrained with a max_shard_size larger than the model.`,
    );
  }
  const pickle = here.find(({ path }) => /\.(bin|ckpt|pt|pth|pkl)$/i.test(path));
  if (pickle !== undefined) throw new Error(`${short(pickle.path)} is not opened. ${CONVERT}`);
  throw new Error(`There is no ${place}${WEIGHTS[0]}: the weights are missing.`);
}

/** @param {readonly Entry[]} files */
function noConfig(files) {
  const pickle = files.find(({ path }) => /\.(bin|ckpt|pt|pth|pkl)$/i.test(path));
  if (pickle !== undefined) return `${short(pickle.path)} is not opened. ${CONVERT}`;
  const count = files.length;
  const first = files[0] === undefined ? "" : `, ${short(files[0].path)}${count > 1 ? " …" : ""}`;
  const had = count === 0 ? "no file at all" : count === 1 ? "1 file" : `${count} files`;
  return `No model was found: there is no ${UNET_CONFIG[0]}, nor ${UNET_CONFIG[1]}, among what was given (${had}${first}). A model is a folder in the layout of Hugging Face diffusers, its files, or a zip of it.`;
}
