// Every term that is computed links to the file that computes it.

import { h } from "./dom.js";

/** @param {string} path from the root of the repository; "" is the repository itself */
function sourceUrl(path) {
  const repository = document.querySelector('meta[name="repository"]')?.getAttribute("content");
  return path === "" ? (repository ?? "") : `${repository}/blob/main/${path}`;
}

/** Points every link of index.html that names a file of the source at the repository. */
export function linkSources() {
  for (const link of document.querySelectorAll("a[data-source]")) {
    link.setAttribute("href", sourceUrl(link.getAttribute("data-source") ?? ""));
  }
}

/**
 * A link for what a figure makes by itself.
 * @param {string} path from the root of the repository, as "crate/src/noise.rs"
 * @param {string} [text]
 */
export function sourceLink(path, text = path.replace(/^crate\/src\//, "")) {
  return h("a", { href: sourceUrl(path), class: "source" }, text);
}
