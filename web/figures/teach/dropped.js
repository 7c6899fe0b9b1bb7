// Several pictures, or folders of them, that are dropped together.

import { sentence } from "../../basics/sentence.js";

/** A folder of pictures may hold anything else; so deep, and no more of it. */
const DEEPEST = 8;
const MOST_FILES = 5000;

/** @param {{ type: string }} file */
export const isPicture = ({ type }) => type.startsWith("image/");

/**
 * What a drop holds if that is more than one picture: several, or folders; null otherwise. To be asked while the event is
 * handled: afterwards the browser forgets it.
 * @param {DataTransfer | null} data
 * @returns {(FileSystemEntry | File)[] | null}
 */
export function severalIn(data) {
  const items = [...(data?.items ?? [])].filter(({ kind }) => kind === "file");
  const given = items
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter((entry) => entry !== null);
  const folders = given.some((entry) => "isDirectory" in entry && entry.isDirectory);
  return folders || (items.length > 1 && items.every(isPicture)) ? given : null;
}

/** All pictures in what was dropped. @param {readonly (FileSystemEntry | File)[]} given @returns {Promise<File[]>} fails with a sentence */
export async function picturesIn(given) {
  /** @type {File[]} */
  const found = [];
  /** @param {FileSystemEntry | File} entry @param {number} depth */
  const take = async (entry, depth) => {
    if (found.length >= MOST_FILES) return;
    if (entry instanceof File) found.push(entry);
    else if (entry.isFile) found.push(await fileOf(/** @type {FileSystemFileEntry} */ (entry)));
    else if (depth < DEEPEST) {
      for (const inner of await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry))) {
        await take(inner, depth + 1);
      }
    }
  };
  for (const entry of given) await take(entry, 0);
  const pictures = found.filter(isPicture);
  if (pictures.length === 0) {
    throw new Error(
      "There are no pictures in what was dropped here. To open a model, drop it beside this figure.",
    );
  }
  return pictures;
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
const fileOf = (entry) =>
  new Promise((resolve, reject) =>
    entry.file(resolve, (reason) =>
      reject(new Error(`${entry.name} cannot be read (${sentence(reason)}).`)),
    ),
  );

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<FileSystemEntry[]>} in the order of their names */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  // Browsers give them in portions, and an empty one at the end.
  for (;;) {
    const some = await new Promise(
      (/** @type {(entries: FileSystemEntry[]) => void} */ resolve, reject) =>
        reader.readEntries(resolve, (reason) =>
          reject(new Error(`${folder.name} cannot be read (${sentence(reason)}).`)),
        ),
    );
    if (some.length === 0) {
      return all.sort((one, other) => (one.name < other.name ? -1 : 1));
    }
    all.push(...some);
  }
}
