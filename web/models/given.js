// The visitor's files: dropped or chosen files and folders, as one list.

import { sentence } from "../basics/sentence.js";
import { short } from "./layout.js";

/** @typedef {{ path: string, size: number, blob: Blob }} Given one file, and where it lay */

/** A model has a dozen files; a folder with far more is not one. */
const MOST_FILES = 2000;
const DEEPEST = 8;

const tooMany = () =>
  new Error(
    `There are more than ${MOST_FILES} files; a model has about a dozen. Choose the model's own folder.`,
  );

/** The files in what was dropped. @param {readonly (FileSystemEntry | File)[]} entries @returns {Promise<Given[]>} */
export async function collect(entries) {
  /** @type {Given[]} */
  const found = [];
  /** @param {FileSystemEntry | File} entry @param {string} folder @param {number} depth */
  const take = async (entry, folder, depth) => {
    if (found.length >= MOST_FILES) throw tooMany();
    if (entry instanceof File) {
      found.push({ path: folder + entry.name, size: entry.size, blob: entry });
    } else if (entry.isFile) {
      const file = await fileOf(/** @type {FileSystemFileEntry} */ (entry));
      found.push({ path: folder + file.name, size: file.size, blob: file });
    } else if (depth < DEEPEST) {
      const inner = await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry));
      for (const next of inner) await take(next, `${folder}${entry.name}/`, depth + 1);
    }
  };
  for (const entry of entries) await take(entry, "", 0);
  return found;
}

/** @param {string} name @param {unknown} reason @returns {Error} */
const unreadable = (name, reason) =>
  new Error(
    `${short(name)} cannot be read (${sentence(reason)}). Check that it has not been moved and that you may read it.`,
  );

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
const fileOf = (entry) =>
  new Promise((resolve, reject) =>
    entry.file(resolve, (reason) => reject(unreadable(entry.name, reason))),
  );

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<FileSystemEntry[]>} */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  // Browsers give them in portions, and an empty one at the end.
  for (;;) {
    const some = await new Promise(
      (/** @type {(entries: FileSystemEntry[]) => void} */ resolve, reject) =>
        reader.readEntries(resolve, (reason) => reject(unreadable(folder.name, reason))),
    );
    if (some.length === 0) return all;
    all.push(...some);
    if (all.length > MOST_FILES) throw tooMany();
  }
}

/** What was chosen, as files or as a folder. @param {FileList} files @returns {Given[]} */
export function chosen(files) {
  if (files.length > MOST_FILES) throw tooMany();
  return [...files].map((file) => ({
    path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath,
    size: file.size,
    blob: file,
  }));
}
