// What goes wrong while "Teach it" learns: it stops with a sentence, continues from what was kept, and nothing else of the
// page is lost with it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { fixtureModel, fragileLearner, limitMemory } from "./faults.js";
import { SLOW, root } from "./helpers.js";
import { openSite } from "./site.js";
import { controlsOf, openTeach, readyPlace } from "./teach-page.js";

/** @typedef {import("playwright-core").Page} Page */

const site = openSite();

/** Gives the worker that learns an order, and waits until it is done. @param {Page} page @param {"corrupt" | "count"} order @returns {Promise<{ memory: number }>} */
const tell = (page, order) =>
  page.evaluate(
    (order) =>
      new Promise((resolve) => {
        const channel = new BroadcastChannel("faults");
        channel.onmessage = ({ data }) => {
          channel.close();
          resolve(data);
        };
        channel.postMessage({ order });
      }),
    order,
  );

/**
 * What the figure says once it says something else, and that whole.
 * @param {import("playwright-core").Locator} place
 * @param {string} before
 */
async function nextNotice(place, before) {
  const whole =
    /^Learning stopped unexpectedly \(.+\)(, and continues from step \d+\.$|\. Step \d+ was kept)/s;
  for (const soon = Date.now() + SLOW; Date.now() < soon;) {
    const texts = await place.locator(".notice").allTextContents();
    const text = texts.find((text) => whole.test(text) && text !== before);
    if (text !== undefined) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing else than "${before}" is said`);
}

/** The crate's module that learns, with no more memory than this. @param {number} bytes */
async function withMemory(bytes) {
  const file = path.join(root, "web", "pkg", "learn", "walkback_bg.wasm");
  const body = limitMemory(await readFile(file), Math.floor(bytes / 2 ** 16));
  return { "/web/pkg/learn/walkback_bg.wasm": { body } };
}

const NOTHING_IS_KEPT = `delete FileSystemFileHandle.prototype.createSyncAccessHandle;
Object.defineProperty(globalThis, "indexedDB", { get() { throw new Error("refused"); } });`;

/**
 * Code in front of what is served.
 * @param {string} code
 * @param {Record<string, import("./helpers.js").Answer>} answers
 */
const inFront = (code, answers) =>
  Object.fromEntries(
    Object.entries(answers).map(([address, { body }]) => [address, { body: `${code}\n${body}` }]),
  );

/** Where the worker says that it copies all there is, the memory for it is gone. */
const NO_ROOM_FOR_A_COPY = `const post = self.postMessage.bind(self);
self.postMessage = (message) => {
  post(message);
  if (message.event?.keeping) globalThis.hog();
};`;

/**
 * Whether steps draw examples behind the first ten, and none of them varied.
 * @param {import("../../web/client/learner.js").Learner} learner
 */
async function learnsFromOnesAsTheyAre(learner) {
  const { examples } = learner.status;
  const size = examples[0]?.length ?? 0;
  const drawn = new Set();
  for (let i = 0; i < 8; i++) {
    const { x0 } = await learner.draw();
    for (let at = 0; at < x0.length; at += size) {
      const one = x0.subarray(at, at + size);
      drawn.add(examples.findIndex((example) => example.every((value, p) => value === one[p])));
    }
    await learner.descend();
  }
  return Math.min(...drawn) >= 0 && Math.max(...drawn) >= 10;
}

describe("a worker that breaks down while it learns", () => {
  test("is replaced by one that continues from what was kept, with all examples", async (t) => {
    const visitor = await site.visitWith(t, await fragileLearner(), "?device=cpu#steps=10&at=0");
    await visitor.revealed();
    await visitor.goTo("Teach it");
    const { page, place, press, button, step, reaches, hasExamples, learner, ...more } =
      await controlsOf(visitor, await readyPlace(visitor.page));
    await more.learnFromNothing();
    await reaches(2);
    // Since all was kept at its beginning, or a few seconds ago.
    await place.getByRole("radio", { name: "1", exact: true }).check();
    await press("Add 10 real 1s");
    await hasExamples(20);
    await place.getByRole("switch", { name: /^vary each example/ }).uncheck();
    // It continues by itself, until that is of no use.
    let [text, times] = ["", 0];
    do {
      await tell(page, "corrupt");
      text = await nextNotice(place, text);
      const [, from] = /^Learning stopped .+\), and continues from step (\d+)\.$/s.exec(text) ?? [];
      if (from === undefined) break;
      times += 1;
      await reaches(Number(from) + 1);
    } while (times < 9);
    assert.ok(times > 0, text);
    const [, kept, name = ""] =
      /^Learning stopped .+\)\. Step (\d+) was kept; press (.+) to continue from/s.exec(text) ?? [];
    assert.equal(await step(), Number(kept), text);
    await hasExamples(20);

    // The model walked with before is still there.
    await visitor.hero.scrollIntoViewIfNeeded();
    await visitor.step.click();
    await visitor.reaches(1);

    await press(name);
    await reaches(Number(kept) + 2);
    await press("Pause");
    await button("Continue learning").waitFor();
    assert.equal(
      await learner.evaluate(({ status }) => status.examples.length),
      20,
      "as many as are shown",
    );
    assert.ok(await learner.evaluate(learnsFromOnesAsTheyAre), "it learns from all of them");
    await page.reload();
    await visitor.goTo("Teach it");
    const again = await controlsOf(visitor, await readyPlace(page));
    await again.hasExamples(20);
    assert.ok((await again.step()) >= Number(kept) + 2);
    assert.deepEqual(visitor.complaints, []);
  });

  test("takes with it what could not be kept, which is said", async (t) => {
    const instead = inFront(NOTHING_IS_KEPT, await fragileLearner());
    const { page, place, press, reaches, hasExamples, learnFromNothing } = await openTeach(
      site,
      t,
      {
        instead,
      },
    );
    await place.getByText(/This browser keeps nothing for this page/).waitFor();
    await learnFromNothing();
    await reaches(1);
    await tell(page, "corrupt");
    await place
      .getByText(
        /^Learning stopped unexpectedly \(.+\); nothing was kept, so learning begins again/,
      )
      .waitFor({ timeout: SLOW });
    // What was shown to it is still on the page.
    await hasExamples(10);
    await press("Learn");
    await reaches(1);
  });
});

test("memory that does not suffice ends learning with a sentence, and the page walks on", async (t) => {
  const ample = await openTeach(site, t, { instead: await fragileLearner() });
  await ample.place.getByRole("radio", { name: "nothing" }).check();
  await ample.addZeros();
  await ample.press("Learn");
  await ample.reaches(1);
  const { memory } = await tell(ample.page, "count");
  await ample.press("Pause");
  t.diagnostic(`a step needs ${memory / 2 ** 20} MiB`);

  const visitor = await site.visitWith(
    t,
    await withMemory(memory - 2 ** 20),
    "?device=cpu#steps=10&at=0",
  );
  await visitor.revealed();
  await visitor.goTo("Teach it");
  const { place, press, button, hasExamples, learnFromNothing } = await controlsOf(
    visitor,
    await readyPlace(visitor.page),
  );
  await learnFromNothing();
  await place.getByText(/^Learning ran out of memory \(.+\)\./).waitFor({ timeout: SLOW });
  await button(/^(Learn|Continue learning)$/).waitFor();
  await hasExamples(10);
  await visitor.hero.scrollIntoViewIfNeeded();
  await visitor.step.click();
  await visitor.reaches(1);
  // It can be forgotten all the same.
  await press("Forget all");
  await hasExamples(0);
  assert.deepEqual(visitor.complaints, []);
});

test("where memory suffices to learn, but not to keep what is learned, it learns", async (t) => {
  const { place, press, button, reaches, learnFromNothing } = await openTeach(site, t, {
    instead: {
      ...inFront(NO_ROOM_FOR_A_COPY, await fragileLearner()),
      ...(await withMemory(64 * 2 ** 20)),
    },
  });
  await learnFromNothing();
  await place.getByText(/^Learning ran out of memory \(.+\)\./).waitFor({ timeout: SLOW });
  await place
    .getByText(/There is not enough memory to keep what is learned, so a reload/)
    .waitFor();
  await press("Learn");
  await reaches(3);
  await press("Pause");
  await button("Continue learning").waitFor();
});

test("numbers that are none end learning at the last good state, with a sentence", async (t) => {
  const { place, button, step, reaches, learnFromNothing, learner } = await openTeach(site, t);
  await learnFromNothing();
  await reaches(2);
  await learner.evaluate((it) => it.show([new Float32Array(28 * 28).fill(NaN)], [1, 28, 28]));
  await place
    .getByText(/learning has diverged\. .+ Learning went back to step 0\.$/)
    .waitFor({ timeout: SLOW });
  await button("Learn").waitFor();
  assert.equal(await step(), 0);
});

test("a learner that says nothing for a minute is not waited for in silence", async (t) => {
  const script = await readFile(path.join(root, "web", "learner.js"), "utf8");
  const deaf = `self.addEventListener("message", (event) => {
    if (event.data.method === "learn") event.stopImmediatePropagation();
  });`;
  const { page, place, learnFromNothing, button } = await openTeach(site, t, {
    instead: { "/web/learner.js": { body: `${deaf}\n${script}` } },
  });
  await page.clock.install();
  await learnFromNothing();
  await button("Pause").waitFor();
  await place.getByText("Loading the learner").waitFor({ state: "detached" });
  const said = place.getByText(/^Nothing has been heard of the learner for a minute, since step 0/);
  await page.clock.fastForward(50_000);
  assert.equal(await said.count(), 0);
  await page.clock.fastForward(10_000);
  await said.waitFor();
});

test("a model whose variance cannot be learned is refused with a sentence, and its examples stay", async (t) => {
  const scheduler = { variance_type: "learned" };
  const { visitor, place, press, button, hasExamples, addZeros, reaches } = await openTeach(
    site,
    t,
    {
      instead: await fixtureModel("varied", { folder: "learned_variance", scheduler }),
      more: "&model=varied",
    },
  );
  await addZeros();
  await press("Learn");
  await place
    .getByText(/^This model's variance_type is learned, which cannot be trained; learned_range can/)
    .waitFor({ timeout: SLOW / 5 });
  await hasExamples(10);
  // What the sentence proposes.
  await place.getByRole("radio", { name: "nothing" }).check();
  await press("Learn");
  await reaches(1);
  await press("Pause");
  await button("Continue learning").waitFor();
  assert.deepEqual(visitor.complaints, []);
});
