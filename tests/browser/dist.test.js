// What `cargo xtask dist` writes works from any path of any static host, and asks nobody else for anything.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { root, SLOW } from "./helpers.js";
import { watch } from "./policy.js";
import { openSite } from "./site.js";

const below = "/some/path/";
const folder = path.join(root, "target", "dist-draft") + path.sep;
const site = openSite({ place: { folder, below } });

test("the published page walks a chain below a sub-path", { timeout: SLOW }, async () => {
  const page = await site.browser.newPage();
  watch(page);
  /** @type {string[]} */
  const wrong = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url) && !request.url().startsWith("blob:")) {
      wrong.push(`asked for ${request.url()}`);
    }
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong.push(`${response.status()} for ${response.url()}`);
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.goto(`${site.url}?device=cpu#seed=5&steps=10`);
  const picture = page.getByRole("img", { name: /finished image/ });
  await picture.waitFor({ timeout: SLOW });
  assert.deepEqual(wrong, []);
  await page.close();
});

test("nothing is served outside of it", async () => {
  const outside = await fetch(new URL("/index.html", site.url));
  assert.equal(outside.status, 404);
});
