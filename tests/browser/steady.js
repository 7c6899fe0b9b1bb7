// The page's engine without the page around it, as a test sees it: steady.html on a server of its own.

import assert from "node:assert/strict";
import { fixtureModel, fragileWorker } from "./faults.js";
import { largestDifference } from "./helpers.js";
import { TOLERANCE } from "./tolerance.js";

/** @typedef {import("./helpers.js").Answer} Answer */
/** @typedef {{ index: number, timestep: number, dispatches: number, xt: number[], x0: number[], eps: number[], xPrev: number[] }} Shown a frame on its way to the test */
/** @typedef {{ notice: string, device: string | null }} Change what the engine says of itself; device: null while there is none */

/**
 * Opens the engine, with a model named "small" and a worker that can be broken.
 * @param {ReturnType<typeof import("./site.js").openSite>} site
 * @param {import("node:test").TestContext} t closes it at its end
 * @param {Record<string, Answer>} [instead]
 */
export async function openEngine(site, t, instead = {}) {
  const answers = {
    ...(await fixtureModel("small")),
    ...(await fragileWorker()),
    ...instead,
  };
  const { page, complaints } = await site.visitWith(t, answers, "tests/browser/steady.html");
  await page.waitForFunction("globalThis.engine !== undefined");
  /** @param {string} script @param {unknown} [value] `it` in the script @returns {Promise<any>} */
  const run = (script, value) =>
    page.evaluate(
      ([script, it]) => new Function("it", `return (async () => { ${script} })()`)(it),
      /** @type {const} */ ([script, value]),
    );
  return { page, complaints, run };
}

/**
 * That two walks of different devices are one.
 * @param {Shown[]} found
 * @param {Shown[]} expected
 * @param {string} what
 */
export function assertSameWalk(found, expected, what) {
  assert.deepEqual(
    found.map(({ timestep }) => timestep),
    expected.map(({ timestep }) => timestep),
    what,
  );
  for (const [i, frame] of found.entries()) {
    for (const part of /** @type {const} */ (["xt", "x0", "eps", "xPrev"])) {
      const difference = largestDifference(frame[part], expected[i]?.[part] ?? []);
      assert.ok(
        difference <= TOLERANCE.chain,
        `${what}: ${part} of step ${i} is off by ${difference}`,
      );
    }
  }
}
