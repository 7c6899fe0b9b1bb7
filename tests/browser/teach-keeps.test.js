// "Teach it" keeps what it is shown wherever the browser lets it, and does without what the browser does not have.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { SLOW, root } from "./helpers.js";
import { openSite } from "./site.js";

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
