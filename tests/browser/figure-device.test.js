// A GPU may be lost while figures are open: what they begin from then on suits the device that computes then.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSite } from "./site.js";
import { chainsOf, showFigures, standInPage } from "./stand-in.js";

const site = openSite();

/** Steps of the chains that each figure begins on a GPU, and on the CPU after it is lost. @type {Record<string, [number[], number[]]>} */
const steps = {
  "walk-back": [[250], [100]],
  "one-jump": [
    [1, 2, 5, 10, 50, 250, 1000],
    [1, 2, 5, 10, 50],
  ],
  "many-answers": [[84], [20]],
  // Its second walk begins when the first has taken a step.
  posterior: [[250], [50]],
  samplers: [
    [250, 50, 10],
    [50, 50, 10],
  ],
  wall: [Array(3).fill(20), Array(11).fill(8)],
};

describe("after the loss of a GPU", { timeout: 60_000 }, () => {
  /** @param {import("node:test").TestContext} t */
  const open = async (t) => {
    const { page } = await site.visitWith(t, await standInPage(), "");
    await page.waitForFunction(() => "gate" in globalThis);
    await page.evaluate("gate.rest(true)");
    /** @param {string} figure */
    const see = async (figure) => {
      const place = page.locator(`[data-figure="${figure}"]`);
      await place.scrollIntoViewIfNeeded();
      await page.locator(`[data-figure="${figure}"][data-ready]`).waitFor();
    };
    /** The steps of chains that are begun until none is begun any more. */
    const begun = async () => {
      const before = (await chainsOf(page)).length;
      let now = before;
      for (let last = -1; last !== now || now === before;) {
        last = now;
        await page.waitForTimeout(150);
        now = (await chainsOf(page)).length;
      }
      return (await chainsOf(page)).slice(before).map(({ options }) => options.numInferenceSteps);
    };
    const dice = async () => {
      await page
        .locator("details.more")
        .evaluateAll((found) => found.forEach((more) => more.setAttribute("open", "")));
      await page
        .getByRole("button", { name: "Another seed" })
        .evaluateAll((found) => found.forEach((one) => /** @type {HTMLElement} */ (one).click()));
    };
    return { page, see, begun, dice };
  };

  test("figures begin walks of as many steps as suit the CPU", async (t) => {
    const { page, see, begun, dice } = await open(t);
    for (const [figure, [onGpu, onCpu]] of Object.entries(steps)) {
      await showFigures(page, { device: "webgpu", only: [figure] });
      const first = begun();
      await see(figure);
      assert.deepEqual(await first, onGpu, figure);
      await page.evaluate(`computeOn("cpu")`);
      const next = begun();
      await dice();
      assert.deepEqual(await next, onCpu, `${figure}, on the CPU`);
      if (figure === "one-jump") await page.getByRole("button", { name: "64 more" }).waitFor();
    }
  });

  test("no long walk begins unasked that was wanted while nobody looked", async (t) => {
    const { page, see, begun, dice } = await open(t);
    await showFigures(page, { device: "webgpu", only: ["walk-back", "one-jump"] });
    await see("one-jump");
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(300);
    await dice();
    await page.evaluate(`computeOn("cpu")`);
    const next = begun();
    await see("one-jump");
    assert.deepEqual(await next, [1, 2, 5, 10, 50]);
    await page.getByRole("button", { name: "Walk 1000 steps" }).waitFor();
  });
});
