// What axe-core finds wrong with a part of the page.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "./helpers.js";

/**
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} part
 * @returns {Promise<string[]>} a line for each violation; [] if there is none
 */
export async function violations(page, part) {
  const axe = await readFile(path.join(root, "node_modules", "axe-core", "axe.min.js"), "utf8");
  // Evaluated by the debugger, which the page's content security policy does not concern.
  await page.evaluate(axe);
  return part.evaluate(async (element) => {
    const { axe } = /** @type {any} */ (globalThis);
    const { violations } = await axe.run(element, { resultTypes: ["violations"] });
    return violations.map(
      (/** @type {{ id: string, nodes: { html: string }[] }} */ { id, nodes }) =>
        `${id}: ${nodes.map(({ html }) => html).join(" ")}`,
    );
  });
}
