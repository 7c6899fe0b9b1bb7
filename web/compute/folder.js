// A model folder in the layout of Hugging Face diffusers, as bytes and text.

import { sentence } from "../basics/sentence.js";
import { parseBest } from "../models/best.js";
import { EMA_LEFT, EMA_TAKEN, withSize } from "../models/chosen.js";
import {
  BEST,
  GOLDEN,
  LABELS,
  MAX_JSON,
  EMA_CONFIG,
  MAX_WEIGHTS,
  MODEL_INDEX,
  OPTIMUM,
  SCHEDULER_CONFIG,
  UNET_CONFIG,
  WEIGHTS,
} from "../models/names.js";
import { parseOptimum } from "../models/optimum.js";
import { ownFile } from "../own-file.js";
import {
  DownloadError,
  fetchBytes,
  fetchOptionalText,
  fetchText,
  isMissing,
  pageInstead,
} from "./download.js";

const PRETRAINED = ownFile("../pretrained/").href;

const NO_FOLDER =
  "Check the model's name or address; one of the Hugging Face hub is written owner/name.";

/**
 * @typedef {object} ModelFolder
 * @property {string} name
 * @property {string} unetConfig
 * @property {string} schedulerConfig
 * @property {string | undefined} labels
 * @property {Float32Array | undefined} golden eps-hat the exporter computed for the probe's input
 * @property {import("../models/best.js").Best | null} best
 * @property {import("../models/optimum.js").Optimum | null} optimum
 * @property {Uint8Array[]} weights one file, or those that they are split into
 * @property {string[]} notes what was chosen in the folder, in sentences
 */

/**
 * @typedef {object} Head what says which model it is, before the weights are there
 * @property {string} unetConfig
 * @property {string | undefined} modelIndex
 */

/**
 * Reads golden.json, `{ "seed", "timestep", "label", "eps": [...] }`.
 * @param {string} name of the model folder
 * @param {string} text
 * @returns {Float32Array}
 */
function parseGolden(name, text) {
  try {
    const { eps } = JSON.parse(text);
    if (Array.isArray(eps) && eps.length > 0 && eps.every(Number.isFinite)) {
      return Float32Array.from(eps);
    }
  } catch {
    // Not JSON: reported below, as JSON without the numbers is.
  }
  throw new Error(
    `golden.json of the model "${name}" is damaged: it has no list of numbers "eps". Export the model again.`,
  );
}

/**
 * The weights next to a configuration, in the first format that is there.
 * @param {URL} config
 * @param {import("./download.js").ByteCount} count
 * @param {import("./download.js").Manners} manners
 * @returns {Promise<Uint8Array[]>}
 */
async function fetchWeights(config, count, manners) {
  /** @type {unknown} */
  let missing;
  for (const name of WEIGHTS) {
    const url = new URL(name, config);
    try {
      if (!name.endsWith(".json")) {
        const weights = await fetchBytes(url, count, manners);
        if (isPage(weights)) throw pageInstead(url);
        return [weights];
      }
      const list = await fetchText(url, { ...manners, most: MAX_JSON });
      const names = shardsIn(list, name);
      return await Promise.all(
        names.map((one) => fetchBytes(new URL(one, config), count, manners)),
      );
    } catch (error) {
      if (!isMissing(error, manners)) throw error;
      // Of all names the usual one is spoken of.
      missing ??= error;
    }
  }
  throw missing;
}

/** Whether a file is a web page: safetensors begin with a length, zips and pickles not with "<". @param {Uint8Array} bytes */
const isPage = (bytes) => /^\s*<(!doctype|html)/i.test(String.fromCharCode(...bytes.slice(0, 64)));

/** The files that a list of tensors names. @param {string} text @param {string} name of the list */
function shardsIn(text, name) {
  try {
    const names = [...new Set(Object.values(JSON.parse(text).weight_map))];
    // A list names files in its folder, never addresses.
    if (names.length > 0 && names.every((one) => /^\w[\w.-]*$/.test(one))) return names;
  } catch {
    // Reported below, as a list without the names is.
  }
  throw new Error(
    `${name} is damaged: it does not list the files of the weights. Copy the model again.`,
  );
}

/**
 * Fetches a folder file by file. All files of the usual layout are requested at once, then those of the older flat one.
 * @param {import("../models/source.js").AddressSource} source
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} onHead called when everything except the weights is there
 * @returns {Promise<ModelFolder>}
 */
async function fetchFolder({ name, base, foreign, chosen = {} }, count, onHead) {
  const small = { foreign, most: MAX_JSON };
  const large = { foreign, most: MAX_WEIGHTS };
  /** @param {string} path */
  const optional = (path) => fetchOptionalText(new URL(path, base), small);
  // The page's own models have one set of weights each.
  const isOwn = base.startsWith(PRETRAINED);
  const there = isOwn ? undefined : await optional(EMA_CONFIG);
  const averaged = chosen.weights === "trained" ? undefined : there;
  const modelIndex = optional(MODEL_INDEX);
  modelIndex.catch(() => {});
  let hasConfig = false;
  /** @param {0 | 1} layout @returns {Promise<[string, string, Uint8Array[]]>} */
  const parts = (layout) => {
    const config = averaged === undefined ? UNET_CONFIG[layout] : EMA_CONFIG;
    return Promise.all([
      fetchText(new URL(config, base), small).then(async (text) => {
        hasConfig = true;
        const unetConfig = withSize(text, chosen.size);
        onHead({ unetConfig, modelIndex: await modelIndex });
        return unetConfig;
      }),
      fetchText(new URL(SCHEDULER_CONFIG[layout], base), small),
      fetchWeights(new URL(config, base), count, large),
    ]);
  };
  const flatIfMissing = async () => {
    const usual = parts(0);
    try {
      return await usual;
    } catch (error) {
      if (!isMissing(error, small)) throw error;
      return parts(1).catch((other) => {
        if (!isMissing(other, small)) throw other;
        // The message names the usual layout.
        if (!hasConfig) error.message += ` ${NO_FOLDER}`;
        throw error;
      });
    }
  };
  const [[unetConfig, schedulerConfig, weights], labels, golden, best, optimum] = await Promise.all(
    [flatIfMissing(), optional(LABELS), optional(GOLDEN), optional(BEST), optional(OPTIMUM)],
  );
  const notes = there === undefined ? [] : [averaged === undefined ? EMA_LEFT : EMA_TAKEN];
  return {
    name,
    unetConfig,
    schedulerConfig,
    labels,
    ...known(name, golden, best, optimum),
    weights,
    notes,
  };
}

/**
 * Fetches what is needed of a folder whose files are known.
 * @param {import("../models/source.js").AddressSource} source
 * @param {import("../models/layout.js").Parts<import("../models/layout.js").Entry>} parts
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} onHead called when what comes before the weights is there
 * @returns {Promise<ModelFolder>}
 */
async function fetchListed({ name, base, foreign, chosen = {} }, parts, count, onHead) {
  const manners = { foreign, fixed: true };
  /** @param {import("../models/layout.js").Entry} file */
  const urlOf = ({ path }) => new URL(path.split("/").map(encodeURIComponent).join("/"), base);
  /** @param {import("../models/layout.js").Entry | undefined} file */
  const optional = async (file) =>
    file && (await fetchText(urlOf(file), { ...manners, most: MAX_JSON }));
  /** @param {import("../models/layout.js").Entry} file */
  const text = (file) => fetchText(urlOf(file), { ...manners, most: MAX_JSON });
  // Its answer says whether the model may be had at all.
  const config = await text(parts.unetConfig).catch((error) => {
    if (!(error instanceof DownloadError) || ![401, 403].includes(error.status)) throw error;
    const { host } = new URL(base);
    throw new DownloadError(
      `The model ${name} is gated: ${host} gives its files only to people whom its owner has approved. Download it there with your account, and drop it here.`,
      error.status,
    );
  });
  const unetConfig = withSize(config, chosen.size);
  const modelIndex = await optional(parts.modelIndex);
  onHead({ unetConfig, modelIndex });
  const [schedulerConfig, labels, golden, best, optimum, ...weights] = await Promise.all([
    text(parts.schedulerConfig),
    optional(parts.labels),
    optional(parts.golden),
    optional(parts.best),
    optional(parts.optimum),
    ...parts.weights.map((file) =>
      fetchBytes(urlOf(file), count, { ...manners, most: MAX_WEIGHTS }),
    ),
  ]);
  return {
    name,
    unetConfig,
    schedulerConfig,
    labels,
    ...known(name, golden, best, optimum),
    weights,
    notes: parts.notes,
  };
}

/**
 * What is known of a model beside itself.
 * @param {string} name
 * @param {string | undefined} golden
 * @param {string | undefined} best
 * @param {string | undefined} optimum
 */
const known = (name, golden, best, optimum) => ({
  golden: golden === undefined ? undefined : parseGolden(name, golden),
  best: parseBest(best),
  optimum: parseOptimum(optimum),
});

/**
 * @param {import("../models/source.js").ModelSource} source
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} onHead
 * @returns {Promise<ModelFolder>}
 */
async function read(source, count, onHead) {
  const { chosen = {} } = source;
  const folder = await readUnchanged(source, count, onHead);
  // What the exporter computed and measured is of other weights or another size.
  const isSame = chosen.size === undefined && chosen.weights !== "trained";
  const golden = isSame ? folder.golden : undefined;
  const best = isSame ? folder.best : null;
  const optimum = isSame ? folder.optimum : null;
  return { ...folder, golden, best, optimum, labels: chosen.labels ?? folder.labels };
}

/**
 * The same without what the visitor says of its labels.
 * @param {import("../models/source.js").ModelSource} source
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} onHead
 * @returns {Promise<ModelFolder>}
 */
async function readUnchanged(source, count, onHead) {
  if (source.kind === "address") {
    return source.parts === undefined
      ? fetchFolder(source, count, onHead)
      : fetchListed(source, source.parts, count, onHead);
  }
  const { name, schedulerConfig, modelIndex, labels, golden, best, optimum, notes } = source;
  const unetConfig = withSize(source.unetConfig, source.chosen?.size);
  onHead({ unetConfig, modelIndex });
  let weights;
  try {
    const buffers = await Promise.all(source.weights.map((blob) => blob.arrayBuffer()));
    weights = buffers.map((buffer) => new Uint8Array(buffer));
  } catch (error) {
    // A RangeError is about memory.
    if (error instanceof RangeError) throw error;
    throw new Error(
      `The weights of the model "${name}" cannot be read (${sentence(error)}). Check that they have not been moved, and open the model again.`,
    );
  }
  return {
    name,
    unetConfig,
    schedulerConfig,
    labels,
    ...known(name, golden, best, optimum),
    weights,
    notes,
  };
}

/**
 * @typedef {object} Reading a model on its way
 * @property {Promise<Head>} head which is there before the weights
 * @property {Promise<ModelFolder>} folder
 */

/**
 * Reads a model, wherever it is.
 * @param {import("../models/source.js").ModelSource} source
 * @param {import("./download.js").ByteCount} count
 * @returns {Reading}
 */
export function readModel(source, count) {
  /** @type {(head: Head) => void} */
  let onHead = () => {};
  /** @type {Promise<Head>} */
  const hasHead = new Promise((resolve) => (onHead = resolve));
  const folder = read(source, count, onHead);
  // An error is reported by the folder that cannot be read.
  const head = Promise.race([hasHead, folder.then(() => hasHead)]);
  // Callers that wait for them get the error.
  for (const promise of [folder, head]) promise.catch(() => {});
  return { head, folder };
}
