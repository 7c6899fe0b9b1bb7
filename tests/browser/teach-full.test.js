// "Teach it" in a browser that has no room left, or does not answer: it learns all the same, and says what a reload will do.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { SLOW, root } from "./helpers.js";
import { openSite } from "./site.js";
import { controlsOf, openTeach, readyPlace } from "./teach-page.js";

const site = openSite();

const NO_FILES = "delete FileSystemFileHandle.prototype.createSyncAccessHandle;";

for (const [where, worker, words] of /** @type {const} */ ([
  ["files of the origin", "", /\(no room is left\), so a reload will forget it\./],
  // What browsers say of it there is their own.
  ["a database", NO_FILES, /did not keep what was learned \(.+\), so a reload will forget it\./],
])) {
  test(`${where}: without room learning goes on, and what will be lost is said`, async (t) => {
    const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
    const { page, place, press, button, step, reaches, hasExamples, learnFromNothing, visitor } =
      await openTeach(site, t, {
        instead: { "/web/learner.js": { body: `${worker}\n${script}` } },
      });
    await place.getByText(/are kept in this browser until/).waitFor();
    // A database may find room for some time yet: so long it is to learn.
    await place.getByLabel("Steps, each time Learn is pressed").press("End");
    await learnFromNothing();
    await reaches(1);
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(page.url());
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
    const said = place.getByText(words);
    await said.waitFor({ timeout: SLOW });
    t.diagnostic((await said.textContent()) ?? "");
    const then = await step();
    await reaches(then + 3);
    await press("Pause");
    await button("Continue learning").waitFor();

    // What was kept while there was room is still there; Forget all removes that, too.
    await press("Forget all");
    await place.getByText("Everything is forgotten").waitFor();
    await place.getByText(/are kept in this browser until/).waitFor();
    await page.reload();
    const again = await controlsOf(visitor, await readyPlace(page));
    await again.place.getByText("No example yet").waitFor();
    await again.hasExamples(0);
    assert.equal(await again.learner.evaluate(({ status }) => status.learning), null);
    await hasExamples(0);
    assert.deepEqual(visitor.complaints, []);
  });
}

/** Files that open this often, and then no more: nothing says whether they will. Waiting is short. @param {number} times */
const silentAfter = (times) => `
  const { setTimeout: later } = globalThis;
  globalThis.setTimeout = (work, wait = 0) => later(work, wait / 20);
  const { createSyncAccessHandle } = FileSystemFileHandle.prototype;
  let opened = 0;
  FileSystemFileHandle.prototype.createSyncAccessHandle = function () {
    opened += 1;
    return opened > ${times} ? new Promise(() => {}) : createSyncAccessHandle.call(this);
  };`;

test("files that do not answer are not waited for: a database keeps what is learned", async (t) => {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  const instead = { "/web/learner.js": { body: `${silentAfter(0)}\n${script}` } };
  const { learnFromNothing, reaches, learner } = await openTeach(site, t, { instead });
  await learnFromNothing();
  await reaches(2);
  assert.equal(await learner.evaluate(({ status }) => status.storage), "database");
});

test("a store that falls silent while it learns is given up, which is said", async (t) => {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  // Its two files are read twice when it is opened.
  const instead = { "/web/learner.js": { body: `${silentAfter(4)}\n${script}` } };
  const { place, learnFromNothing, reaches } = await openTeach(site, t, { instead });
  await place.getByText(/are kept in this browser until/).waitFor();
  await learnFromNothing();
  await place
    .getByText(/did not keep what was learned \(it did not answer\), so a reload will forget it\./)
    .waitFor({ timeout: SLOW / 5 });
  await reaches(2);
});
