// Models of the Hugging Face hub: the ways people write one down, and which files it has.

import { sentence } from "../basics/sentence.js";

const HUB = "https://huggingface.co";

/**
 * @typedef {object} HubName what somebody wrote down
 * @property {string} repo owner/name
 * @property {string} revision a branch, a tag or a commit
 * @property {string} folder in it; "" or with a slash at its end
 */

/**
 * @typedef {object} HubFiles
 * @property {string} base the address below which the files of one commit lie, with a slash at its end
 * @property {import("./layout.js").Entry[]} files below it; size 0 where it is not known
 */

const REPO = /^\w[\w.-]{0,95}\/\w[\w.-]{0,95}$/;
/** owner/name, perhaps with @revision and a folder. */
const SHORT = /^([^/@]+\/[^/@]+)(?:@(refs\/(?:pr|convert)\/[^/]+|[^/]+))?(?:\/(.*))?$/;
const HOST = /^(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\/(.*)$/i;
/** What the hub's addresses have behind owner/name. */
const VIEWS = /^(tree|blob|raw|resolve|commit|commits)$/;
/** What else lies where models do. */
const OTHERS = /^(datasets|spaces|docs|papers|collections|organizations|api|blog|learn)$/;

/**
 * The model that a text names: `owner/name`, `hf:owner/name@revision/folder`, or an address of the hub.
 * @param {string} text
 * @returns {HubName | null} null: it speaks of no model of the hub
 * @throws {Error} a sentence, where it is the hub's but no model
 */
export function hubName(text) {
  const trimmed = text.trim();
  const address = HOST.exec(trimmed)?.[1];
  if (address !== undefined) return inAddress(address.replace(/[?#].*$/, ""), trimmed);
  const marked = /^hf:(?:\/\/)?(.*)$/i.exec(trimmed)?.[1];
  const [, repo = "", revision = "main", folder = ""] = SHORT.exec(marked ?? trimmed) ?? [];
  if (REPO.test(repo) && (marked !== undefined || folder === "")) {
    // With a slash at its end, and nothing else, it is a folder of the page's own site.
    if (marked !== undefined || !trimmed.endsWith("/")) {
      return named(repo, decoded(revision), folder.split("/"));
    }
  }
  if (marked === undefined) return null;
  throw new Error(
    `"${shown(trimmed)}" names no model of the hub: it must look like hf:owner/name@revision.`,
  );
}

/** @param {string} path behind the host @param {string} whole */
function inAddress(path, whole) {
  const [owner = "", name = "", view = "", ...rest] = path.split("/").map(decoded);
  if (OTHERS.test(owner) || !REPO.test(`${owner}/${name}`)) {
    throw new Error(
      `"${shown(whole)}" is an address of the hub, but not of a model: it must begin with huggingface.co/owner/name.`,
    );
  }
  const repo = `${owner}/${name}`;
  if (!VIEWS.test(view) || rest.length === 0) return named(repo, "main", []);
  const long = rest[0] === "refs" && /^(pr|convert)$/.test(rest[1] ?? "") ? 3 : 1;
  const folder = rest.slice(long);
  const last = folder.at(-1) ?? "";
  const isFile = view === "blob" || view === "raw" || (view === "resolve" && last.includes("."));
  if (isFile) folder.pop();
  return named(repo, rest.slice(0, long).join("/"), view.startsWith("commit") ? [] : folder);
}

/** @param {string} repo @param {string} revision @param {string[]} folder its parts, perhaps those of a model */
function named(repo, revision, folder) {
  const parts = folder.filter((part) => !/^\.*$/.test(part));
  // A model is the folder that these lie in.
  if (/^(unet|unet_ema|scheduler)$/.test(parts.at(-1) ?? "")) parts.pop();
  return { repo, revision: revision || "main", folder: parts.map((part) => `${part}/`).join("") };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} text */
const shown = (text) => (text.length > 120 ? `${text.slice(0, 119)}…` : text);

/** As short as it can be written for `hubName`. @param {HubName} name */
export function written({ repo, revision, folder }) {
  if (folder === "") return revision === "main" ? repo : `${repo}@${revision}`;
  return `hf:${repo}@${encodeURIComponent(revision)}/${folder.slice(0, -1)}`;
}

/** The model's page. @param {HubName} name */
export const pageOf = ({ repo }) => `${HUB}/${repo}`;

/**
 * Asks the hub which commit a revision is, and which files that has.
 * @param {HubName} name
 * @returns {Promise<HubFiles>}
 * @throws {Error} a sentence
 */
export async function filesOf(name) {
  const { repo, revision, folder } = name;
  const { sha, siblings } = await ask(name);
  const wrong = () =>
    new Error(`${new URL(HUB).host} did not list the files of ${repo}. Try again later.`);
  if (typeof sha !== "string" || !/^[0-9a-f]{40,64}$/.test(sha)) throw wrong();
  if (!Array.isArray(siblings)) throw wrong();
  const files = siblings
    .filter(({ rfilename }) => typeof rfilename === "string" && rfilename.startsWith(folder))
    .map(({ rfilename, size }) => ({
      path: rfilename.slice(folder.length),
      size: Number.isSafeInteger(size) ? size : 0,
    }));
  if (files.length === 0) {
    throw new Error(`The model ${repo} has no folder ${folder} in its revision ${revision}.`);
  }
  const below = folder.split("/").map(encodeURIComponent).join("/");
  return { base: `${HUB}/${repo}/resolve/${sha}/${below}`, files };
}

/** @param {HubName} name @returns {Promise<any>} */
async function ask({ repo, revision }) {
  const { host } = new URL(HUB);
  const url = `${HUB}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
  let response;
  try {
    response = await fetch(url, {
      mode: "cors",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    throw new Error(
      `${host} could not be reached to look up ${repo} (${sentence(error)}). Check the connection and try again.`,
    );
  }
  if (response.ok) return response.json().catch(() => ({}));
  const { status } = response;
  if (response.headers.get("x-error-code") === "RevisionNotFound") {
    throw new Error(`The model ${repo} has no revision ${revision}.`);
  }
  // The hub does not tell a private model from none.
  if ([401, 403, 404].includes(status)) {
    throw new Error(
      `${host} has no public model ${repo}. Check the spelling. A private model can be downloaded there and dropped here.`,
    );
  }
  throw new Error(
    status === 429
      ? `${host} accepts no more requests from your network for now. Try again in a few minutes.`
      : `${repo} could not be looked up: ${host} answered ${status}. Try again later.`,
  );
}
