// What ?model= and the dialog ask for: one of the page's own models by its name, one of the hub by its name there, or a
// folder by its address.

import { filesOf, hubName, pageOf, written } from "./hub.js";
import { findParts } from "./layout.js";
import { isOwnName, ownModel } from "./own.js";

/** @typedef {import("./source.js").AddressSource} AddressSource */

/**
 * @param {string} wish what ?model= says, or the visitor
 * @param {string} page the page's own address
 * @returns {AddressSource} foreign: to be confirmed before anything of it is fetched
 * @throws {Error} a sentence
 */
export function modelAt(wish, page) {
  const text = wish.trim();
  if (isOwnName(text)) return ownModel(text, false);
  const hub = hubName(text);
  if (hub !== null) {
    const { repo: name } = hub;
    return {
      kind: "address",
      name,
      base: pageOf(hub),
      foreign: true,
      parameter: written(hub),
      hub,
    };
  }
  const shown = text.length > 120 ? `${text.slice(0, 119)}…` : text;
  let url;
  try {
    url = new URL(text, page);
  } catch {
    throw new Error(`"${shown}" is neither a name nor an address of a model.`);
  }
  const foreign = url.origin !== new URL(page).origin;
  if (url.protocol !== "https:" && (foreign || url.protocol !== "http:")) {
    throw new Error(
      `"${shown}" is not an address over https; models from other sites are fetched over https only.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error(
      `The model's address contains a user name or a password, which is not allowed.`,
    );
  }
  url.hash = "";
  url.search = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return {
    kind: "address",
    name: folderName(url),
    base: url.href,
    foreign,
    parameter: text,
  };
}

/**
 * The source with its files and what each of them is, where the hub has to be asked for them: once, so that all come from
 * one commit.
 * @param {AddressSource} source
 * @returns {Promise<AddressSource>}
 */
export async function located(source) {
  const { hub, files, chosen } = source;
  if (hub === undefined) return source;
  const listed = files === undefined ? await filesOf(hub) : { base: source.base, files };
  return { ...source, ...listed, parts: findParts(listed.files, chosen?.weights) };
}

/** What a person would call the model behind an address. @param {URL} url */
function folderName({ pathname, hostname }) {
  // Hugging Face: /owner/name/resolve/main/
  const parts = pathname
    .replace(/\/resolve\/[^/]+\/$/, "/")
    .split("/")
    .filter(Boolean);
  const last = parts.at(-1) ?? hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
