// The page's own models, which lie beside it.

import { ownFile } from "../own-file.js";

/** @typedef {import("./source.js").AddressSource} AddressSource */

/** The default. */
const DEFAULT = "mnist";
const NAME = /^\w[\w.-]{0,63}$/;
const PRETRAINED = ownFile("../pretrained/");

/**
 * The names of the page's own models, from the list that the build makes. The first is the one to open with.
 * @returns {Promise<string[]>} never empty
 */
export async function ownModels() {
  try {
    const response = await fetch(new URL("models.json", PRETRAINED));
    if (!response.ok) return [DEFAULT];
    const { models } = await response.json();
    const names = Array.isArray(models) ? models.filter(isOwnName) : [];
    return names.length > 0 ? names : [DEFAULT];
  } catch {
    // A page without the list has the one model it always had.
    return [DEFAULT];
  }
}

/** Whether a text is written as the name of one of them. @param {unknown} value */
export const isOwnName = (value) => typeof value === "string" && NAME.test(value);

/** @param {string} name @param {boolean} isDefault @returns {AddressSource} */
export function ownModel(name, isDefault) {
  return {
    kind: "address",
    name,
    base: new URL(`${encodeURIComponent(name)}/`, PRETRAINED).href,
    foreign: false,
    parameter: isDefault ? null : name,
  };
}

/** What a name or a source stands for. @param {import("./source.js").ModelSource | string} wish */
export const sourceOf = (wish) => (typeof wish === "string" ? ownModel(wish, false) : wish);
