// Where what is learned is kept, and when: every few seconds, until the browser refuses it once.

import { openStore } from "./kept.js";

/** @typedef {import("../protocol/learning.js").Storage} Storage */

/** Milliseconds between two times that all is kept: so much at most is lost. */
const KEEP_EVERY = 5000;
const TOO_LARGE = "There is not enough memory to keep what is learned, so a reload will forget it.";

/** @type {import("./kept.js").Store | null} */
let store = null;
/** @type {Storage} */
let storage = "none";
/** Whether the browser refused to keep something: until everything is forgotten it is not asked again. */
let isRefused = false;
let keptAt = 0;

/**
 * Opens the store.
 * @param {boolean} keeps whether there is memory for a copy of what is learned
 * @returns {Promise<{ bytes: Uint8Array | null, where: { storage: Storage, reason: string } }>} what was kept last, and why nothing can be, as a sentence
 */
export async function openKept(keeps) {
  const { reason, bytes, ...opened } = await openStore();
  ({ store, storage } = opened);
  isRefused = store !== null && !keeps;
  return { bytes, where: isRefused ? { storage: "none", reason: TOO_LARGE } : { storage, reason } };
}

/** Whether the browser keeps what is learned. */
export const isStored = () => store !== null && !isRefused;

/** Whether it is time to keep it again. */
export const isDue = () => performance.now() - keptAt > KEEP_EVERY;

/** From now on the time is counted to the next. */
export function keepsNow() {
  keptAt = performance.now();
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Storage>} where they are */
export async function write(bytes) {
  await store?.write(bytes);
  return storage;
}

/** It is not tried again. */
export function giveUp() {
  isRefused = true;
}

/** Removes what is kept. @returns {Promise<Storage | null>} where there is room again, if it had been refused */
export async function forgetKept() {
  await store?.forget();
  const was = isRefused;
  isRefused = false;
  return was ? storage : null;
}
