// What is kept on the visitor's machine, in the origin's private files, or in a database where those cannot be written.
// Two places take turns: one is whole while the other is written, whatever happens meanwhile.

import { sentence } from "../basics/sentence.js";

/** @typedef {import("../protocol/learning.js").Storage} Storage */
/** @typedef {{ read: () => Promise<Uint8Array | null>, write: (bytes: Uint8Array) => Promise<void>, forget: () => Promise<void> }} Store */

/**
 * A file of the origin, open in a worker; TypeScript knows it only where there is no document.
 * @typedef {object} OpenFile
 * @property {(bytes: Uint8Array, at: { at: number }) => number} read
 * @property {(bytes: Uint8Array, at: { at: number }) => number} write
 * @property {(size: number) => void} truncate
 * @property {() => number} getSize
 * @property {() => void} flush
 * @property {() => void} close
 */

const FOLDER = "walkback-teach-it";
const SLOTS = ["a", "b"];
/** A file begins with these, then its number, how many bytes follow, and their sum. */
const MARK = 0x77616c6b;
const HEADER = 4 * 8;

/** A file's header. @param {number} number @param {Uint8Array} bytes */
function headerOf(number, bytes) {
  const header = new DataView(new ArrayBuffer(HEADER));
  [MARK, number, bytes.length, sum(bytes)].forEach((value, i) => header.setFloat64(8 * i, value));
  return new Uint8Array(header.buffer);
}

/** Adler-32, which half a file does not have. @param {Uint8Array} bytes */
function sum(bytes) {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length;) {
    // So many additions stay below 2^32.
    const end = Math.min(bytes.length, i + 3800);
    for (; i < end; i++) b += a += bytes[i] ?? 0;
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

/** What a file holds: its number and bytes; null for one that is not whole. @param {Uint8Array} file */
function contentOf(file) {
  if (file.length < HEADER) return null;
  const header = new DataView(file.buffer, file.byteOffset);
  const [mark, number = 0, length = 0, check] = [0, 1, 2, 3].map((i) => header.getFloat64(8 * i));
  if (mark !== MARK || file.length < HEADER + length) return null;
  const bytes = file.subarray(HEADER, HEADER + length);
  return sum(bytes) === check ? { number, bytes } : null;
}

const noRoom = () => new Error("no room is left");

/** Milliseconds after which a browser that has not answered will not: all that is learned would wait for it. */
const PATIENCE = 10_000;

/** @template T @param {Promise<T>} work of the browser @returns {Promise<T>} */
function inTime(work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let late;
  const never = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error("it did not answer")), PATIENCE);
  });
  return Promise.race([work, /** @type {Promise<never>} */ (never)]).finally(() =>
    clearTimeout(late),
  );
}

/** @returns {Promise<Store>} fails where such files cannot be written */
async function inFiles() {
  const root = await navigator.storage.getDirectory();
  const folder = () => root.getDirectoryHandle(FOLDER, { create: true });
  /** @template T @param {string} name @param {(file: OpenFile) => T} use */
  const withFile = async (name, use) => {
    const handle = await (await folder()).getFileHandle(name, { create: true });
    const { createSyncAccessHandle } =
      /** @type {{ createSyncAccessHandle?: () => Promise<OpenFile> }} */ (handle);
    if (createSyncAccessHandle === undefined) throw new Error("its files cannot be written");
    const file = await createSyncAccessHandle.call(handle);
    try {
      return use(file);
    } finally {
      file.close();
    }
  };
  /** @param {string} name */
  const readFile = (name) =>
    withFile(name, (file) => {
      const bytes = new Uint8Array(file.getSize());
      file.read(bytes, { at: 0 });
      return contentOf(bytes);
    });
  const newest = async () => {
    const found = await Promise.all(SLOTS.map((name) => readFile(name)));
    return found.reduce((best, one) => ((one?.number ?? -1) > (best?.number ?? -1) ? one : best));
  };
  // Says now whether it works at all.
  let number = (await newest())?.number ?? 0;
  return {
    read: async () => (await newest())?.bytes ?? null,
    async write(bytes) {
      const next = number + 1;
      await withFile(SLOTS[next % 2] ?? "a", (file) => {
        file.truncate(0);
        // Some browsers write what there is room for, and say how much that was.
        if (file.write(bytes, { at: HEADER }) !== bytes.length) throw noRoom();
        file.flush();
        // Only a file whose bytes are there gets its header.
        file.write(headerOf(next, bytes), { at: 0 });
        file.flush();
      });
      number = next;
    },
    async forget() {
      await root.removeEntry(FOLDER, { recursive: true }).catch((error) => {
        if (error?.name !== "NotFoundError") throw error;
      });
    },
  };
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answered = (request) =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });

/** A request may succeed and its transaction fail, where there is no room. @param {IDBTransaction} transaction @returns {Promise<void>} */
const done = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => {
      const { error } = transaction;
      // What browsers say of it is often nothing.
      reject(error?.name === "QuotaExceededError" ? noRoom() : error);
    });
  });

/** @returns {Promise<Store>} */
async function inDatabase() {
  const opening = indexedDB.open(FOLDER, 1);
  opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore("kept"));
  const database = await answered(opening);
  /** A transaction is done whole or not at all. @param {IDBTransactionMode} mode */
  const kept = (mode) => database.transaction("kept", mode).objectStore("kept");
  return {
    read: async () => (await answered(kept("readonly").get("learner"))) ?? null,
    write: async (bytes) => {
      const place = kept("readwrite");
      place.put(bytes, "learner");
      await done(place.transaction);
    },
    forget: async () => {
      const place = kept("readwrite");
      place.clear();
      await done(place.transaction);
    },
  };
}

/** The worker of a page that was reloaded may hold the lock for another moment: so often, and so many milliseconds apart. */
const TRIES = 10;
const APART = 200;

/** @returns {Promise<boolean>} whether the lock was free; it is held for as long as this worker lives */
const takeLock = () =>
  new Promise((resolve) => {
    navigator.locks
      .request(FOLDER, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise(() => {});
      })
      .catch(() => resolve(false));
  });

/** @returns {Promise<boolean>} whether this tab alone writes */
async function isAlone() {
  if (navigator.locks === undefined) return true;
  try {
    for (let i = 0; i < TRIES; i++) {
      if (await inTime(takeLock())) return true;
      await new Promise((resolve) => setTimeout(resolve, APART));
    }
  } catch {
    // What is not answered is not granted.
  }
  return false;
}

/** @returns {Promise<{ store: Store | null, bytes: Uint8Array | null, storage: Storage, reason: string }>} bytes: what was kept last; reason: why there is none, as a sentence */
export async function openStore() {
  if (!(await isAlone())) {
    return {
      store: null,
      bytes: null,
      storage: "none",
      reason:
        "Another tab of this page is keeping what it learns, so this one keeps nothing. A reload will forget what is learned here.",
    };
  }
  /** @type {unknown} */
  let refusal;
  for (const [storage, open] of /** @type {const} */ ([
    ["files", inFiles],
    ["database", inDatabase],
  ])) {
    try {
      const store = await inTime(open());
      const bytes = await inTime(store.read());
      const { read, write, forget } = store;
      return {
        store: {
          read: () => inTime(read()),
          write: (bytes) => inTime(write(bytes)),
          forget: () => inTime(forget()),
        },
        bytes,
        storage,
        reason: "",
      };
    } catch (error) {
      refusal ??= error;
    }
  }
  return {
    store: null,
    bytes: null,
    storage: "none",
    reason: `This browser keeps nothing for this page (${sentence(refusal)}), so a reload will forget what is learned.`,
  };
}
