// The folders of web/ are layers: this holds which may import which. It needs no browser.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("../../web/", import.meta.url));

/**
 * What each folder may import beside itself, lowest first; imports of types count. A file in web/ itself is a layer of
 * its own, by its name: it lies there because it is loaded by its address.
 * @type {Record<string, readonly string[]>}
 */
const MAY_IMPORT = {
  // Written by `cargo xtask`.
  vendor: [],
  // Where the page's own files lie.
  "own-file.js": [],
  // What knows neither this page nor the network.
  basics: [],
  // Where a model comes from.
  models: ["vendor", "own-file.js", "basics"],
  // What page and workers say to each other.
  protocol: ["models"],
  // A device that computes correctly, and the crate's two builds.
  compute: ["own-file.js", "basics", "models", "protocol"],
  // The methods of the workers, and their script.
  worker: ["vendor", "basics", "models", "protocol", "compute"],
  "worker.js": ["basics", "protocol", "compute", "worker"],
  "learner.js": ["basics", "protocol", "worker"],
  // The page's side of the workers.
  client: ["own-file.js", "basics", "protocol"],
  // The walk for pages that others write; module/ has its types and an example, which lie next to it in dist/.
  module: [],
  "walkback.js": ["own-file.js", "basics", "models", "client", "module"],
  // Elements, colours, tensors as pixels.
  screen: [],
  // What the address can say.
  settings: ["protocol", "client"],
  // What figures are made of.
  parts: ["vendor", "basics", "protocol", "client", "screen", "settings"],
  figures: ["own-file.js", "basics", "protocol", "client", "screen", "settings", "parts"],
  // The frame around the figures.
  page: ["basics", "models", "protocol", "client", "screen", "settings", "parts", "figures"],
  "main.js": ["screen", "settings", "parts", "figures", "page"],
};

/** The files of figures/ that lie between the figures; all others belong to one. */
const ALL_FIGURES = "list.js";
const SHARED = "shared";

/** `import ... from "./x.js"`, `import("./x.js")` and the same in a comment that names a type. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** @typedef {{ from: string, to: string }} Import paths below web/ */

/** @returns {Promise<Import[]>} */
async function imports() {
  const names = await readdir(web, { recursive: true });
  const scripts = names
    .map((name) => name.split(path.sep).join("/"))
    .filter((name) => name.endsWith(".js") && !/^(pkg|vendor)\//.test(name));
  const found = await Promise.all(
    scripts.map(async (from) => {
      const script = await readFile(path.join(web, from), "utf8");
      return [...script.matchAll(IMPORT)].map(([, to = ""]) => ({
        from,
        to: path.posix.join(path.posix.dirname(from), to),
      }));
    }),
  );
  return found.flat();
}

/** @param {string} file below web/ */
const layerOf = (file) => file.split("/")[0] ?? "";

/** The figure that a module in figures/ belongs to. @param {string} file below web/ */
const figureOf = (file) => file.split("/")[1]?.replace(/\.js$/, "");

/** @param {Import[]} found */
const listed = (found) => found.map(({ from, to }) => `${from} imports ${to}`);

test("layers_import_only_what_the_table_allows", async () => {
  const wrong = (await imports()).filter(({ from, to }) => {
    const [layer, other] = [layerOf(from), layerOf(to)];
    return layer !== other && MAY_IMPORT[layer]?.includes(other) !== true;
  });
  assert.deepEqual(listed(wrong), []);
});

test("no_arrow_in_the_table_is_without_an_import", async () => {
  const found = await imports();
  const unused = Object.entries(MAY_IMPORT).flatMap(([layer, others]) =>
    others
      .filter(
        (other) => !found.some(({ from, to }) => layerOf(from) === layer && layerOf(to) === other),
      )
      .map((other) => `${layer} imports ${other}`),
  );
  assert.deepEqual(unused, []);
});

test("a_layer_imports_only_what_stands_above_it_in_the_table", () => {
  const order = Object.keys(MAY_IMPORT);
  const upward = Object.entries(MAY_IMPORT).flatMap(([layer, others]) =>
    others
      .filter(
        (other) => !(order.indexOf(other) >= 0 && order.indexOf(other) < order.indexOf(layer)),
      )
      .map((other) => `${layer} imports ${other}`),
  );
  assert.deepEqual(upward, []);
});

test("no_figure_imports_another", async () => {
  const wrong = (await imports()).filter(({ from, to }) => {
    if (layerOf(from) !== "figures" || layerOf(to) !== "figures") return false;
    if (from === `figures/${ALL_FIGURES}`) return false;
    return figureOf(to) !== figureOf(from) && figureOf(to) !== SHARED;
  });
  assert.deepEqual(listed(wrong), []);
});
