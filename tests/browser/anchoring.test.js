// What is read stays in its place while figures above it are created and grow.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { root } from "./helpers.js";
import { openSite } from "./site.js";

const site = openSite();
const base = "/web/styles/base.css";
/** The room that is kept for figures: without it, the page grows much. */
const room = "/web/styles/places.css";

describe("keeping what is read in its place", () => {
  for (const [who, rule] of /** @type {const} */ ([
    ["browser where it does it", ""],
    ["page where the browser does not do it", "* { overflow-anchor: none; }"],
  ])) {
    test(`is done by the ${who}`, async (t) => {
      const css = `${await readFile(path.join(root, base), "utf8")}\n${rule}`;
      const address = "?device=cpu#steps=10&at=0";
      const visitor = await site.visitWith(
        t,
        { [base]: { body: css }, [room]: { body: "" } },
        address,
      );
      await visitor.revealed();
      const { page } = visitor;
      const heading = page.getByRole("heading", { name: "A wall of digits" });
      const top = () => heading.evaluate((found) => found.getBoundingClientRect().top);
      const before = await page.evaluate(() => document.documentElement.scrollHeight);
      await heading.evaluate((found) => found.scrollIntoView());
      const there = await top();
      // The figure above is far from it on a page without figures, and is created with it.
      await page.locator('[data-figure="samplers"][data-ready]').waitFor();
      await page.waitForTimeout(500);
      const grown = (await page.evaluate(() => document.documentElement.scrollHeight)) - before;
      assert.ok(grown > 500, `the page grew by ${grown}`);
      assert.ok(Math.abs((await top()) - there) < 8, `${there} became ${await top()}`);
    });
  }
});
