// What ?model= and the dialog ask for: one of the page's own models by its name, one of the hub by its name there, or a
// folder by its address.

import { filesOf, hubName, pageOf, written } from "./hub.js";
import { findParts } from "./layout.js";
import { isOwnName, ownModel } from "./own.js";

/** @typedef {import("./source.js").AddressSource} AddressSource */

/** Code that opens a model, whose first string is its name. */
const CODE = /from_pretrained\(\s*["']([^"']+)["']/;
const ARCHIVE = /\.(zip|7z|rar|tar|tgz|gz|bz2|xz)$/i;
/** One of a model's files, which stands for its folder. */
const ONE_FILE = /(\/unet|\/unet_ema|\/scheduler)?\/[^/]*\.(json|safetensors|bin)$/i;
/** A path of the visitor's own disk. */
const LOCAL = /^([a-z]:[\\/]|\\\\|~[\\/]|file:)/i;

/**
 * What is meant, without what is copied along with it.
 * @param {string} text
 */
function bare(text) {
  const inCode = CODE.exec(text)?.[1] ?? text;
  return inCode
    .trim()
    .replace(/^git clone\s+(\S+).*$/i, "$1")
    .replace(/^["'`<]+|["'`>,;]+$/g, "")
    .trim();
}

/**
 * @param {string} wish what ?model= says, or the visitor
 * @param {string} page the page's own address
 * @returns {AddressSource} foreign: to be confirmed before anything of it is fetched
 * @throws {Error} a sentence
 */
export function modelAt(wish, page) {
  const text = bare(wish);
  if (isOwnName(text)) return ownModel(text, false);
  // As git names a repository.
  const hub = hubName(text.replace(/\.git$/, ""));
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
  if (LOCAL.test(text)) {
    throw new Error(`"${shown}" lies on your computer: choose the folder there, or drop it here.`);
  }
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
  if (ARCHIVE.test(url.pathname)) {
    throw new Error(`"${shown}" is an archive: download it, and drop it here.`);
  }
  url.pathname = url.pathname.replace(ONE_FILE, "/");
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
