// A model folder in the layout of Hugging Face diffusers, as bytes and text.

import { DownloadError, fetchBytes, fetchOptionalText, fetchText, isMissing } from "./download.js";
import {
  GOLDEN,
  LABELS,
  MAX_JSON,
  MAX_WEIGHTS,
  MODEL_INDEX,
  SCHEDULER_CONFIG,
  UNET_CONFIG,
  WEIGHTS,
} from "./models/names.js";

/**
 * @typedef {object} ModelFolder
 * @property {string} name
 * @property {string} unetConfig
 * @property {string} schedulerConfig
 * @property {string | undefined} labels
 * @property {Float32Array | undefined} golden eps-hat the exporter computed for the probe's input
 * @property {Uint8Array} weights safetensors
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
    // Not JSON: told below, as for JSON without the numbers.
  }
  throw new Error(
    `golden.json of the model "${name}" is damaged: it holds no list of numbers "eps". Export the model again.`,
  );
}

const CONVERT_FIRST =
  "Weights that are there only as diffusion_pytorch_model.bin have to be converted to safetensors first.";

/**
 * Fetches a folder file by file. The usual layout is asked for all at once; where it is not there, the older flat one.
 * @param {import("./models/source.js").AddressSource} source
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} tell called when what comes before the weights is there
 * @returns {Promise<ModelFolder>}
 */
async function fetchFolder({ name, base, foreign }, count, tell) {
  const small = { foreign, most: MAX_JSON };
  const large = { foreign, most: MAX_WEIGHTS };
  const modelIndex = fetchOptionalText(new URL(MODEL_INDEX, base), small).then(notHtml);
  modelIndex.catch(() => {});
  /** @param {0 | 1} layout @returns {Promise<[string, string, Uint8Array]>} */
  const parts = (layout) => {
    const config = UNET_CONFIG[layout];
    const weights = config.replace("config.json", WEIGHTS[0]);
    return Promise.all([
      fetchText(new URL(config, base), small).then(async (unetConfig) => {
        tell({ unetConfig, modelIndex: await modelIndex });
        return unetConfig;
      }),
      fetchText(new URL(SCHEDULER_CONFIG[layout], base), small),
      fetchBytes(new URL(weights, base), count, large).catch((error) =>
        Promise.reject(
          isMissing(error)
            ? new DownloadError(`${error.message} ${CONVERT_FIRST}`, error.status)
            : error,
        ),
      ),
    ]);
  };
  const flatIfMissing = async () => {
    const usual = parts(0);
    try {
      return await usual;
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Of the two layouts the usual one is spoken of.
      return parts(1).catch((other) => Promise.reject(isMissing(other) ? error : other));
    }
  };
  const [[unetConfig, schedulerConfig, weights], labels, golden] = await Promise.all([
    flatIfMissing(),
    fetchOptionalText(new URL(LABELS, base), small),
    fetchOptionalText(new URL(GOLDEN, base), small),
  ]);
  return { name, unetConfig, schedulerConfig, labels, golden: known(name, golden), weights };
}

/** What servers send in place of a file that is not there. @param {string | undefined} text */
const notHtml = (text) => (text?.trimStart().startsWith("<") ? undefined : text);

/** @param {string} name @param {string | undefined} golden */
const known = (name, golden) => (golden === undefined ? undefined : parseGolden(name, golden));

/**
 * @param {import("./models/source.js").ModelSource} source
 * @param {import("./download.js").ByteCount} count
 * @param {(head: Head) => void} tell
 * @returns {Promise<ModelFolder>}
 */
async function read(source, count, tell) {
  if (source.kind === "address") return fetchFolder(source, count, tell);
  const { name, unetConfig, schedulerConfig, modelIndex, labels, golden } = source;
  tell({ unetConfig, modelIndex });
  let weights;
  try {
    weights = new Uint8Array(await source.weights.arrayBuffer());
  } catch {
    throw new Error(
      `The weights of the model "${name}" cannot be read any more. Were they moved? Open the model again.`,
    );
  }
  return { name, unetConfig, schedulerConfig, labels, golden: known(name, golden), weights };
}

/**
 * @typedef {object} Reading a model on its way
 * @property {Promise<Head>} head which is there before the weights
 * @property {Promise<ModelFolder>} folder
 */

/**
 * Reads a model, wherever it is.
 * @param {import("./models/source.js").ModelSource} source
 * @param {import("./download.js").ByteCount} count
 * @returns {Reading}
 */
export function readModel(source, count) {
  /** @type {(head: Head) => void} */
  let tell = () => {};
  /** @type {Promise<Head>} */
  const told = new Promise((resolve) => (tell = resolve));
  const folder = read(source, count, tell);
  // Without an end of its own where the folder cannot be read.
  const head = Promise.race([told, folder.then(() => told)]);
  // Whoever waits for them is told.
  for (const promise of [folder, head]) promise.catch(() => {});
  return { head, folder };
}
