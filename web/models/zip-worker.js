// Unpacks the files of a model from one archive and says what they are. See zip.js, which ends this worker.

import { sentence } from "../basics/sentence.js";
import { unzipSync } from "../vendor/fflate.js";
import { findParts } from "./layout.js";

/** @typedef {import("./given.js").Given} Given */

/** A model has a dozen files. */
const MOST_ENTRIES = 20_000;

/** The most that Deflate can compress: an archive that states a larger size is damaged or hostile. */
const longest = (/** @type {number} */ size) => size * 1.01 + 1024;

/** The path that a name in an archive stands for: some write ./ before it, old ones backslashes. @param {string} name */
const pathOf = (name) => name.replaceAll("\\", "/").replace(/^(\.\/)+/, "");

/** @param {Blob} archive @param {"averaged" | "trained"} [which] of two sets of weights */
async function unpack(archive, which) {
  const bytes = new Uint8Array(await archive.arrayBuffer());
  /** @type {{ path: string, size: number, packed: number }[]} */
  const entries = [];
  read(bytes, ({ name, size, originalSize }) => {
    if (entries.length >= MOST_ENTRIES) {
      throw new Error(
        `There are more than ${MOST_ENTRIES} files in the archive; a model has about a dozen. Zip only the model's own folder.`,
      );
    }
    const path = pathOf(name);
    if (!path.endsWith("/")) entries.push({ path, size: originalSize, packed: size });
    return false;
  });
  // Only what is needed is unpacked, and only once its size is known to be possible.
  const parts = findParts(entries, which);
  /** @param {{ path: string, size: number, packed: number }} part @returns {Given} */
  const one = ({ path, size, packed }) => {
    const lies = () =>
      new Error(`The archive is damaged: ${path} does not have the size that the archive states.`);
    if (packed > longest(size)) throw lies();
    const files = read(bytes, ({ name }) => pathOf(name) === path);
    const [content] = Object.values(files);
    if (content === undefined || content.length !== size) throw lies();
    return { path, size, blob: new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (content)]) };
  };
  const { unetConfig, schedulerConfig, modelIndex, labels, golden, best, optimum, weights, notes } =
    parts;
  return {
    unetConfig: one(unetConfig),
    schedulerConfig: one(schedulerConfig),
    modelIndex: modelIndex && one(modelIndex),
    labels: labels && one(labels),
    golden: golden && one(golden),
    best: best && one(best),
    optimum: optimum && one(optimum),
    weights: weights.map(one),
    notes,
  };
}

/** Marks our own sentences among the library's errors. */
let refused = /** @type {unknown} */ (null);

/**
 * @param {Uint8Array} bytes
 * @param {(file: import("../vendor/fflate.js").UnzipFileInfo) => boolean} filter
 */
function read(bytes, filter) {
  try {
    return unzipSync(bytes, {
      filter(file) {
        try {
          return filter(file);
        } catch (error) {
          refused = error;
          throw error;
        }
      },
    });
  } catch (error) {
    if (error === refused) throw error;
    throw new Error(
      `The archive cannot be unpacked (${sentence(error)}): it is damaged, protected by a password, or uses an unsupported compression. Drop the unpacked folder instead.`,
    );
  }
}

self.addEventListener(
  "message",
  async (
    /** @type {MessageEvent<{ archive: Blob, which?: "averaged" | "trained" }>} */ { data },
  ) => {
    try {
      self.postMessage({ parts: await unpack(data.archive, data.which) });
    } catch (error) {
      self.postMessage({ error: sentence(error) });
    }
  },
);
