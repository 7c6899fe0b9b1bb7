// Which file of a model is which: the layout of Hugging Face diffusers (unet/, scheduler/), the older flat
// one, or a few loose files. As in crate/src/folder.rs, with the names of crate/src/folder/layout.rs.

import { EMA_LEFT, EMA_TAKEN } from "./chosen.js";
import {
  BEST,
  EMA_CONFIG,
  GOLDEN,
  LABELS,
  MAX_JSON,
  MAX_WEIGHTS,
  MODEL_INDEX,
  OPTIMUM,
  SCHEDULER_CONFIG,
  UNET_CONFIG,
  WEIGHTS,
} from "./names.js";

/** @typedef {{ path: string, size: number }} Entry a file; its path has forward slashes */
/**
 * What a model is made of.
 * @template T
 * @typedef {{ unetConfig: T, schedulerConfig: T, modelIndex: T | undefined, labels: T | undefined, golden: T | undefined, best: T | undefined, optimum: T | undefined, weights: T[], notes: string[] }} Parts weights: one file, or those that they are split into; notes: what was chosen, in sentences
 */

/** What systems keep beside a folder's files. That of the model itself may be hidden as well. */
const HIDDEN = /(^|\/)__MACOSX\/|\/\.|^\.[^/]*$/;

const NO_SCHEDULER = `There is no ${SCHEDULER_CONFIG[0]} or ${SCHEDULER_CONFIG[1]}: without it the noise schedule is unknown. Copy it from the source of the model.`;
const NO_UNET = `This is a pipeline without a U-Net: there is a ${MODEL_INDEX}, but no ${UNET_CONFIG[0]}. This page opens pipelines of a U-Net and a scheduler, such as a DDPMPipeline.`;

/** The folder that a path lies in, with its slash; "" at the top. @param {string} path */
const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/** The model's own folder, where a U-Net's configuration lies at a path. @param {string} path */
const rootOf = (path) => folderOf(path).replace(/(^|\/)unet(_ema)?\/$/, "$1");

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;

/** A path in a sentence: not longer than a line. @param {string} path */
export const short = (path) => (path.length > 80 ? `…${path.slice(-79)}` : path);

/**
 * Finds the parts of one model.
 * @template {Entry} E
 * @param {readonly E[]} entries
 * @param {"averaged" | "trained"} [which] of two sets of weights
 * @returns {Parts<E>}
 * @throws {Error} a sentence that names what is missing, or larger than it can be
 */
export function findParts(entries, which = "averaged") {
  const files = entries.filter(({ path }) => !HIDDEN.test(path));
  const root = findRoot(files);
  /** @param {string} path below the root */
  const at = (path) => files.find((file) => file.path === root + path);
  const trained = UNET_CONFIG.map(at).find((file) => file !== undefined);
  const averaged = at(EMA_CONFIG);
  const isAveraged = which === "averaged" || trained === undefined;
  const unetConfig = isAveraged ? (averaged ?? trained) : trained;
  if (unetConfig === undefined) throw new Error(noConfig(files));
  const both = averaged !== undefined && trained !== undefined;
  const notes = both ? [isAveraged ? EMA_TAKEN : EMA_LEFT] : [];
  const beside = folderOf(unetConfig.path);

  const schedulerConfig = SCHEDULER_CONFIG.map(at).find((file) => file !== undefined);
  if (schedulerConfig === undefined) throw new Error(NO_SCHEDULER);
  const weights = findWeights(files, beside, root);
  const modelIndex = at(MODEL_INDEX);
  const labels = at(LABELS);
  const golden = at(GOLDEN);
  const best = at(BEST);
  const optimum = at(OPTIMUM);
  for (const file of [unetConfig, schedulerConfig, modelIndex, labels, golden, best, optimum]) {
    if (file === undefined || file.size <= MAX_JSON) continue;
    throw new Error(
      `${short(file.path)} is ${megabytes(file.size)} large, far more than such a file needs (at most ${megabytes(MAX_JSON)}). Check that this is a model.`,
    );
  }
  const size = weights.reduce((sum, file) => sum + file.size, 0);
  if (size > MAX_WEIGHTS) {
    throw new Error(
      `${short(weights[0]?.path ?? "")} is ${megabytes(size)} large; this page opens weights of up to ${megabytes(MAX_WEIGHTS)}, because more does not fit into a browser. float16 needs half as much as float32.`,
    );
  }
  return { unetConfig, schedulerConfig, modelIndex, labels, golden, best, optimum, weights, notes };
}

/**
 * The folder of the model: the one nearest to the top. Checkpoints of a training, further down, are not meant.
 * @param {readonly Entry[]} files
 * @returns {string} "" or with a slash at its end
 * @throws {Error} a sentence, where there is none or more than one
 */
function findRoot(files) {
  const paths = new Set(files.map(({ path }) => path));
  const configs = [...paths].filter((path) => /(^|\/)config\.json$/.test(path));
  // Many networks have a config.json; the U-Net's lies in unet/ or beside the scheduler's.
  const ofUnets = configs.filter(
    (path) =>
      rootOf(path) !== folderOf(path) ||
      SCHEDULER_CONFIG.some((name) => paths.has(folderOf(path) + name)),
  );
  const roots = [...new Set(ofUnets.map(rootOf))];
  const depthOf = (/** @type {string} */ root) => root.split("/").length;
  const nearest = Math.min(...roots.map(depthOf));
  const [root, other, ...more] = roots.filter((one) => depthOf(one) === nearest);
  if (root !== undefined && other !== undefined) {
    const count = more.length + 2;
    throw new Error(
      `There are ${count} models, ${count > 2 ? "such as " : ""}${short(root)} and ${short(other)}: open one of them by itself.`,
    );
  }
  if (root !== undefined) return root;
  if (files.some(({ path }) => /(^|\/)model_index\.json$/.test(path))) throw new Error(NO_UNET);
  throw new Error(configs.length > 0 ? NO_SCHEDULER : noConfig(files));
}

/** Files of weights that are split, by the number of each and how many there are. */
const SHARD = /-(\d{5})-of-(\d{5})\.(safetensors|bin)$/;

/** Files that training scripts leave next to the weights. */
const NO_WEIGHTS = /^(optimizer|scheduler|training_args|random_states)/;

/**
 * @template {Entry} E
 * @param {readonly E[]} files
 * @param {string} beside the folder of the U-Net's configuration
 * @param {string} root
 * @returns {E[]} one file, or all that the weights are split into
 */
function findWeights(files, beside, root) {
  const here = files.filter(({ path }) => folderOf(path) === beside);
  /** @param {{ path: string }} file */
  const nameOf = ({ path }) => path.slice(beside.length);
  const shards = here.filter((file) => SHARD.test(nameOf(file)));
  // Another name will do if there is one such file only. Pickles come last.
  for (const [pickled, endings] of /** @type {const} */ ([
    [false, /\.safetensors$/i],
    [true, /\.(bin|pt|pth|ckpt)$/i],
  ])) {
    for (const name of WEIGHTS) {
      const found = here.find((file) => nameOf(file) === name);
      if (found === undefined || name.includes(".bin") !== pickled) continue;
      return name.endsWith(".json") ? wholeSet(shards, name) : [found];
    }
    const others = here.filter((file) => endings.test(file.path) && !NO_WEIGHTS.test(nameOf(file)));
    if (others.length === 1) return others;
    if (others.length > 0 && others.every((file) => shards.includes(file))) {
      return wholeSet(others, nameOf(others[0] ?? { path: "" }));
    }
    if (others.length > 1) {
      throw new Error(
        `There are ${others.length} files that could be the weights, such as ${short(others[0]?.path ?? "")}. Leave out the others, or rename the right one to ${WEIGHTS[0]}.`,
      );
    }
  }
  const folder = beside.slice(root.length);
  throw new Error(`There is no ${folder}${WEIGHTS[0]}: the weights are missing.`);
}

/**
 * All files that weights are split into.
 * @template {Entry} E
 * @param {E[]} shards
 * @param {string} name of their list
 */
function wholeSet(shards, name) {
  const kind = name.includes(".safetensors") ? ".safetensors" : ".bin";
  const set = shards
    .filter(({ path }) => path.endsWith(kind))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const count = Number(SHARD.exec(set[0]?.path ?? "")?.[2] ?? NaN);
  if (set.length === count) return set;
  throw new Error(
    `The weights are split into several files, and ${set.length === 0 ? "none is" : `only ${set.length} of ${count} are`} there. Give all of them.`,
  );
}

const A_MODEL =
  "A model is a folder in the layout of Hugging Face diffusers, its files, or a zip of it.";
/** What people take for a model, by one of its files. @type {readonly [RegExp, string][]} */
const ALMOST = [
  [
    /(^|\/)(pytorch_lora_weights|adapter_model)\.\w+$/,
    "A LoRA changes the weights of another network, and is none by itself.",
  ],
  [
    /(^|\/)models--[^/]+\/blobs\//,
    "In the hub's cache the names of a model's files are links, which browsers do not follow. Copy a folder of snapshots/ with `cp -rL`, and drop the copy.",
  ],
  [/\.zip$/i, "A zip is opened where it is given by itself."],
  [
    /\.(7z|rar|tar|tgz|gz|bz2|xz|zst)$/i,
    "Of archives this page opens zips only. Drop the unpacked folder.",
  ],
  [
    /\.(safetensors|bin|pt|pth|ckpt)$|(^|\/)data\.pkl$/i,
    "Weights alone do not say which network they are of: give the config.json of the U-Net and the scheduler_config.json with them.",
  ],
];

/** @param {readonly Entry[]} files */
function noConfig(files) {
  const count = files.length;
  const first = files[0] === undefined ? "" : `, ${short(files[0].path)}${count > 1 ? " …" : ""}`;
  const had = count === 0 ? "no file at all" : count === 1 ? "1 file" : `${count} files`;
  const [, what = A_MODEL] = ALMOST.find(([is]) => files.some(({ path }) => is.test(path))) ?? [];
  return `No model was found: there is no ${UNET_CONFIG[0]} or ${UNET_CONFIG[1]} among the files (${had}${first}). ${what}`;
}
