// What `cargo xtask dist` writes works from any path of any static host, and asks nobody else for anything.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { zipSync } from "fflate";
import { shows } from "./any-model.js";
import { seeAllFigures } from "./figures.js";
import { DRAFT, SLOW } from "./helpers.js";
import { conformance, drop, filesOf, scratch } from "./models.js";
import { openSite } from "./site.js";

// Above this path nothing is served: what the page asks for there is missing.
const below = "/some/path/";
const folder = DRAFT + path.sep;
const site = openSite({ served: { folder, below } });

test("the published page has all that it needs below a sub-path", { timeout: SLOW }, async (t) => {
  /** @type {string[]} */
  const missing = [];
  const visitor = await site.visit("?device=cpu#seed=5&steps=10", {
    prepare: (context) =>
      context.on("response", (response) => {
        if (response.status() >= 400) missing.push(`${response.status()} for ${response.url()}`);
      }),
  });
  await visitor.page.getByRole("img", { name: /finished image/ }).waitFor({ timeout: SLOW });
  await seeAllFigures(visitor.page);

  const archive = path.join(await scratch(t), "small.zip");
  await writeFile(archive, zipSync(await filesOf(conformance("plain")), { level: 1 }));
  await drop(visitor.page, archive);
  await shows(visitor, /small/);
  assert.deepEqual(missing, []);
  await visitor.leave();
});
