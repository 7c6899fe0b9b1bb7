// A model folder in the layout of Hugging Face diffusers, as bytes and text.

import { fetchBytes, fetchOptionalText, fetchText } from "./download.js";

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

/**
 * Fetches pretrained/<name>/.
 * @param {string} name
 * @param {import("./download.js").ByteCount} count
 * @returns {Promise<ModelFolder>}
 */
export async function fetchFolder(name, count) {
  const base = new URL(`../pretrained/${encodeURIComponent(name)}/`, import.meta.url);
  const [unetConfig, schedulerConfig, labels, golden, weights] = await Promise.all([
    fetchText(new URL("unet/config.json", base)),
    fetchText(new URL("scheduler/scheduler_config.json", base)),
    fetchOptionalText(new URL("labels.json", base)),
    fetchOptionalText(new URL("golden.json", base)),
    fetchBytes(new URL("unet/diffusion_pytorch_model.safetensors", base), count),
  ]);
  return {
    name,
    unetConfig,
    schedulerConfig,
    labels,
    golden: golden === undefined ? undefined : parseGolden(name, golden),
    weights,
  };
}
