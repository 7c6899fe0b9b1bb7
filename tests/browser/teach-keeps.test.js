// "Teach it" keeps what it is shown wherever the browser lets it, and does without what the browser does not have.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { SLOW, root } from "./helpers.js";
import { openSite } from "./site.js";
import { openSmall } from "./stripes.js";

const site = openSite();

/**
 * The figure alone, in a browser that lacks something.
 * @param {import("node:test").TestContext} t
 * @param {object} [lacks]
 * @param {string} [lacks.worker] code in front of the worker that learns
 * @param {() => void} [lacks.page] code in front of the page
 */
async function open(t, { worker = "", page: lessen = () => {} } = {}) {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  const { page, complaints } = await site.visitWith(
    t,
    { "/web/learner.js": { body: `${worker}\n${script}` } },
    "?device=cpu&embed=teach",
    { prepare: (context) => context.addInitScript(lessen) },
  );
  const place = page.locator('[data-figure="teach"]');
  const comes = () =>
    page.locator('[data-figure="teach"][data-ready]').waitFor({ timeout: SLOW / 5 });
  await comes();
  /** Shows it real digits. */
  const add = async () => {
    await place.getByText("More", { exact: true }).click();
    await place.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
    await place.getByRole("button", { name: "Remove example 1", exact: true }).waitFor();
  };
  return { page, place, comes, add, complaints };
}

const NO_FILES = "delete FileSystemFileHandle.prototype.createSyncAccessHandle;";
const NO_DATABASE = `Object.defineProperty(globalThis, "indexedDB", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
});`;

describe("what is shown to be learned", () => {
  for (const [where, worker] of /** @type {const} */ ([
    ["files of the origin", NO_DATABASE],
    ["a database where such files cannot be written", NO_FILES],
  ])) {
    test(`is kept in ${where}`, async (t) => {
      const { page, place, comes, add, complaints } = await open(t, { worker });
      await place.getByText(/are kept in this browser until/).waitFor();
      await add();
      // The worker answers this once it has kept what it was shown before.
      await page.evaluate(async (address) => {
        const { theLearner } = await import(address);
        await theLearner().set({ learningRate: 1e-3, varies: true, mirrors: false });
      }, new URL("web/client/learner.js", page.url()).href);
      await page.reload();
      await comes();
      await place.getByRole("button", { name: "Remove example 1", exact: true }).waitFor();
      assert.deepEqual(complaints, []);
    });
  }

  test("is not kept in a browser that keeps nothing, which is said", async (t) => {
    const { place, add, complaints } = await open(t, { worker: NO_FILES + NO_DATABASE });
    await place
      .getByText(/This browser keeps nothing for this page \(.+\), so a reload will forget/)
      .waitFor();
    await add();
    assert.deepEqual(complaints, []);
  });
});

/**
 * Lets the page's learner learn stripes of 8 by 8 pixels: three steps as they are, from nothing; three more with other settings.
 * @param {import("playwright-core").Page} page
 * @param {"begin" | "continue"} how
 * @returns {Promise<number[]>} the loss of every step, once all is kept
 */
function lossesOf(page, how) {
  return page.evaluate(
    async ([address, how]) => {
      const { theLearner } = await import(address);
      const learner = theLearner();
      await learner.open();
      const until = how === "begin" ? 3 : 6;
      if (how === "begin") {
        const shape = [1, 8, 8];
        const stripes = [1, 2, 3, 4].map((width) =>
          Float32Array.from({ length: 64 }, (_, i) => (i % 8 < width ? 1 : -1)),
        );
        await learner.show(stripes, shape);
        await learner.set({ learningRate: 1e-3, varies: false, mirrors: false });
        await learner.begin({ from: "nothing", model: "", shape, rehearsal: null, seed: 5 });
      } else await learner.set({ learningRate: 2e-3, varies: true, mirrors: true });
      const ended = new Promise((resolve) => {
        const forget = learner.listen(() => {
          if (learner.status.running || learner.status.learning?.step !== until) return;
          forget();
          resolve(null);
        });
      });
      await learner.learn(until);
      await ended;
      // The worker answers this once it has kept what it learned.
      await learner.set({});
      return [...learner.status.learning.losses];
    },
    /** @type {const} */ ([new URL("web/client/learner.js", page.url()).href, how]),
  );
}

test("after a reload it learns as if there had been none, also with settings that were changed since", async (t) => {
  const { page, place, complaints } = await openSmall(site, t);
  await lossesOf(page, "begin");
  const expected = await lossesOf(page, "continue");
  await lossesOf(page, "begin");
  await page.reload();
  await place.waitFor();
  const found = await lossesOf(page, "continue");
  assert.equal(found.length, 6);
  assert.deepEqual(found, expected);
  assert.deepEqual(complaints, []);
});

test("a folder of pictures is offered only where one can be chosen", async (t) => {
  const folders = (/** @type {import("playwright-core").Locator} */ place) =>
    place.getByText("Add a folder of pictures").count();
  const whole = await open(t);
  assert.equal(await folders(whole.place), 1);
  const lesser = await open(t, {
    page: () => Reflect.deleteProperty(HTMLInputElement.prototype, "webkitdirectory"),
  });
  assert.equal(await folders(lesser.place), 0);
  assert.equal(await lesser.place.getByText("Add pictures").count(), 1);
});
