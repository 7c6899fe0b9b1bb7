// Where a model comes from: a folder behind an address, or files from the visitor.

import { sentence } from "../basics/sentence.js";
import { findParts, short } from "./layout.js";
import { isZip, unzip } from "./zip.js";

/**
 * @typedef {object} AddressSource a folder that is fetched file by file
 * @property {"address"} kind
 * @property {string} name for people
 * @property {string} base the folder's address, absolute, with a slash at its end
 * @property {boolean} foreign whether it lies on another origin, which the visitor has allowed
 * @property {string | null} parameter what ?model= has to be for it; null for the page's own
 * @property {import("./hub.js").HubName} [hub] a model of the hub
 * @property {import("./chosen.js").Chosen} [chosen]
 * @property {import("./layout.js").Entry[]} [files] all there are below the base, where that is known; none of them ever changes
 * @property {import("./layout.js").Parts<import("./layout.js").Entry>} [parts] which of them the model is made of
 */

/**
 * @typedef {object} FileSource files from the visitor's machine; small ones as text
 * @property {"files"} kind
 * @property {string} name
 * @property {string} unetConfig
 * @property {string} schedulerConfig
 * @property {string | undefined} modelIndex
 * @property {string | undefined} labels
 * @property {string | undefined} golden
 * @property {string | undefined} best
 * @property {string | undefined} optimum
 * @property {Blob[]} weights
 * @property {string[]} notes what was chosen in the folder, in sentences
 * @property {import("./chosen.js").Chosen} [chosen]
 */

/** @typedef {AddressSource | FileSource} ModelSource */

/**
 * The model in what was dropped or chosen: a folder, loose files, or one zip.
 * @param {readonly import("./given.js").Given[]} given
 * @param {import("./chosen.js").Chosen} [chosen]
 * @returns {Promise<FileSource>}
 */
export async function sourceOf(given, chosen) {
  const [only] = given;
  const zipped = given.length === 1 && only !== undefined && (await isZip(only.blob));
  if (!zipped && given.length === 1 && only !== undefined && /\.zip$/i.test(only.path)) {
    throw new Error(
      `${short(only.path)} is no zip: its download broke off, or it is something else under that name.`,
    );
  }
  const parts = zipped
    ? await unzip(only.blob, chosen?.weights)
    : findParts(given, chosen?.weights);
  const { unetConfig, schedulerConfig, modelIndex, labels, golden, best, optimum, weights, notes } =
    parts;
  return {
    kind: "files",
    name: zipped ? only.path.replace(/^.*\/|\.zip$/gi, "") : nameOf(given),
    unetConfig: await text(unetConfig),
    schedulerConfig: await text(schedulerConfig),
    modelIndex: modelIndex && (await text(modelIndex)),
    labels: labels && (await text(labels)),
    golden: golden && (await text(golden)),
    best: best && (await text(best)),
    optimum: optimum && (await text(optimum)),
    weights: weights.map(({ blob }) => blob),
    notes,
    ...(chosen && { chosen }),
  };
}

/** The folder's name, where there is one. @param {readonly import("./given.js").Given[]} given */
function nameOf(given) {
  const [folder = "", ...rest] = given[0]?.path.split("/") ?? [];
  const isFolder = rest.length > 0 && given.every(({ path }) => path.startsWith(`${folder}/`));
  return isFolder && folder !== "unet" ? folder : "your files";
}

/** @param {import("./given.js").Given} file */
async function text({ path, blob }) {
  let bytes;
  try {
    bytes = await blob.arrayBuffer();
  } catch (error) {
    throw new Error(
      `${short(path)} cannot be read (${sentence(error)}). Check that it has not been moved and that you may read it.`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${short(path)} is not text in UTF-8.`);
  }
}
