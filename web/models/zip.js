// A zip of a model: a separate worker unpacks the few files that are needed, and is ended afterwards, which frees all of
// its memory.

import { ownFile } from "../own-file.js";
import { MAX_JSON, MAX_WEIGHTS } from "./names.js";

/** @typedef {import("./layout.js").Parts<import("./given.js").Given>} GivenParts */
/** @typedef {{ parts: GivenParts } | { error: string }} Answer of the worker */

/** The most bytes of an archive: the largest model, and some other files. */
export const MAX_ARCHIVE = MAX_WEIGHTS + 4 * MAX_JSON;

/** A valid archive is unpacked in a few seconds; one with wrong sizes may never be. */
const PATIENCE = 120_000;

/** How zips begin, the empty one too. */
const BEGINNINGS = ["PK\u0003\u0004", "PK\u0005\u0006"];

/** Whether a file is a zip: by its first bytes, whatever it is called. @param {Blob} blob */
export async function isZip(blob) {
  const head = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
  return BEGINNINGS.includes(String.fromCharCode(...head));
}

/**
 * The files of the model in an archive.
 * @param {Blob} archive
 * @param {"averaged" | "trained"} [which] of two sets of weights
 * @returns {Promise<GivenParts>}
 */
export async function unzip(archive, which) {
  if (archive.size > MAX_ARCHIVE) {
    throw new Error(
      `The archive is ${Math.ceil(archive.size / 1e6)} MB large; this page opens archives of up to ${Math.floor(MAX_ARCHIVE / 1e6)} MB. Drop the unpacked folder instead.`,
    );
  }
  const worker = new Worker(ownFile("models/zip-worker.js"), { type: "module" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    const answer = await new Promise((/** @type {(answer: Answer) => void} */ resolve) => {
      timer = setTimeout(
        () =>
          resolve({
            error: `The archive could not be unpacked within ${PATIENCE / 1000} seconds. Drop the unpacked folder instead.`,
          }),
        PATIENCE,
      );
      worker.addEventListener("message", (/** @type {MessageEvent<Answer>} */ { data }) =>
        resolve(data),
      );
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        // A script that cannot be loaded has no message.
        const reason = event.message || "web/models/zip-worker.js could not be loaded";
        resolve({
          error: `The archive cannot be unpacked (${reason}). Drop the unpacked folder instead.`,
        });
      });
      worker.postMessage({ archive, which });
    });
    if ("error" in answer) throw new Error(answer.error);
    return answer.parts;
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
}
