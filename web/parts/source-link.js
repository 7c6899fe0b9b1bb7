// Every term that is computed links to the line that computes it.

import { h } from "../screen/dom.js";
import { commit, repository as published, sourceLines } from "../vendor/source-lines.js";

/** @param {string} path from the root of the repository, with an item as "crate/src/noise.rs#slerp"; "" is the repository itself */
function sourceUrl(path) {
  const meta = document.querySelector('meta[name="repository"]');
  const repository = published ?? meta?.getAttribute("content") ?? "";
  if (path === "") return repository;
  const line = sourceLines[path];
  const [file] = path.split("#");
  return `${repository}/blob/${commit}/${file}${line === undefined ? "" : `#L${line}`}`;
}

/** Points every link of index.html that names a file of the source at the repository. */
export function linkSources() {
  for (const link of document.querySelectorAll("a[data-source]")) {
    link.setAttribute("href", sourceUrl(link.getAttribute("data-source") ?? ""));
  }
}

/**
 * A link for what a figure makes by itself; it reads as the file's path within the crate.
 * @param {string} path from the root of the repository, as "crate/src/noise.rs" or "crate/src/noise.rs#slerp"
 */
export function sourceLink(path) {
  const text = path.replace(/^crate\/src\//, "").replace(/#.*/, "");
  return h("a", { href: sourceUrl(path), class: "source" }, text);
}
