// Three figures of the page in a page of another origin: the weights come once, only what is seen has workers, and of what is
// seen at once one embed at a time.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { SLOW, launch, serve } from "./helpers.js";

/** @typedef {readonly [figure: string, hash: string]} Embedded each 500 pixels high */

/** @type {readonly Embedded[]} */
const FIGURES = [
  ["walk-back", "steps=50&at=3"],
  ["many-answers", "many.steps=4&many.t=300"],
  ["walk-forward", "forward.t=200"],
];
/** What each of them shows when it has drawn. @type {Record<string, RegExp>} */
const PICTURES = {
  "walk-back": /^The noisy image .* step 3 of 50$/,
  "many-answers": /^Sixteen images, .* at t = 300;/,
  "walk-forward": /one walk, at t = 200$/,
};

/** The heights of windows in which one embed is in sight, and all three. */
const ONE = 560;
const ALL = 1700;

/**
 * A browser with a page that embeds figures.
 * @param {import("node:test").TestContext} t
 * @param {readonly Embedded[]} figures
 * @param {number} [height] of the window
 */
async function course(t, figures, height = ONE) {
  /** @type {string[]} */
  const asked = [];
  // As static hosts do, the server lets browsers keep what they have.
  const page = await serve({}, { maxAge: 600, asked: (address) => asked.push(address) });
  t.after(page.close);
  const frames = figures.map(([figure, hash]) => {
    const src = `${page.url}?device=cpu&embed=${figure}#${hash}`.replaceAll("&", "&amp;");
    return `<iframe src="${src}" title="${figure}" width="600" height="500" style="display: block"></iframe>`;
  });
  const body = `<!doctype html><title>A course</title><link rel="icon" href="data:,">${frames.join("<p>Words.</p>")}`;
  const around = await serve({ "/course.html": { body } });
  t.after(around.close);
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  const tab = await browser.newPage({ viewport: { width: 700, height } });
  await tab.addInitScript(() => {
    let live = 0;
    /** When the workers became so many. @type {[time: number, live: number][]} */
    const history = [];
    const count = (/** @type {number} */ change) => {
      live += change;
      history.push([performance.timeOrigin + performance.now(), live]);
    };
    const Native = Worker;
    globalThis.Worker = class extends Native {
      /** @param {[string | URL, WorkerOptions?]} how */
      constructor(...how) {
        super(...how);
        count(1);
      }
      /** @override */
      terminate() {
        count(-1);
        super.terminate();
      }
    };
    Object.defineProperty(globalThis, "liveWorkers", { get: () => live });
    Object.assign(globalThis, { workerHistory: history });
  });
  /** @type {string[]} */
  const complaints = [];
  tab.on("pageerror", (error) => complaints.push(error.message));
  await tab.goto(`${around.url}course.html`.replace("127.0.0.1", "localhost"));

  /** @param {string} figure */
  const embed = (figure) => tab.frameLocator(`iframe[title="${figure}"]`);
  /** @param {string} figure */
  const see = async (figure) => {
    await tab.locator(`iframe[title="${figure}"]`).evaluate((frame) => frame.scrollIntoView());
    const place = embed(figure).locator(`[data-figure="${figure}"][data-ready]`);
    await place.waitFor({ timeout: SLOW / 5 });
  };
  /** @param {string} figure @returns {Promise<number>} */
  const workersOf = (figure) =>
    embed(figure)
      .locator("body")
      .evaluate(() => /** @type {any} */ (globalThis).liveWorkers);
  /** The most embeds that had workers at the same time. */
  const mostAtOnce = async () => {
    const all = await Promise.all(
      figures.map(async ([figure]) => {
        /** @type {[number, number][]} */
        const history = await embed(figure)
          .locator("body")
          .evaluate(() => /** @type {any} */ (globalThis).workerHistory);
        return history.map(([time, live]) => ({ time, figure, live }));
      }),
    );
    /** @type {Set<string>} */
    const having = new Set();
    let most = 0;
    for (const { figure, live } of all.flat().sort((one, other) => one.time - other.time)) {
      if (live > 0) having.add(figure);
      else having.delete(figure);
      most = Math.max(most, having.size);
    }
    return most;
  };
  /** Waits for what an embed shows. @param {string} figure */
  const drawn = (figure) =>
    embed(figure)
      .getByRole("img", { name: PICTURES[figure] })
      .first()
      .waitFor({ timeout: SLOW / 5 });
  /** What all processes that show pages have in memory, in kilobytes. */
  const memory = async () => {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const sizes = processInfo
      .filter(({ type }) => type === "renderer")
      .map(async ({ id }) => {
        const rollup = await readFile(`/proc/${id}/smaps_rollup`, "utf8");
        return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]);
      });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  return { tab, asked, complaints, embed, see, drawn, workersOf, mostAtOnce, memory };
}

/** @param {() => Promise<boolean>} holds @param {() => Promise<unknown>} situation @param {number} [patience] in milliseconds */
async function until(holds, situation, patience = 30_000) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `still ${JSON.stringify(await situation())}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("three embeds ask for the weights once, and only the one in sight has workers", async (t) => {
  const { asked, complaints, embed, see, workersOf } = await course(t, FIGURES);
  await see("walk-back");
  assert.ok((await workersOf("walk-back")) > 0);
  assert.equal(await workersOf("walk-forward"), 0, "nobody has seen it yet");
  for (const [figure] of FIGURES.slice(1)) await see(figure);
  const all = () => Promise.all(FIGURES.map(([figure]) => workersOf(figure)));
  await until(async () => {
    const [first, second, third = 0] = await all();
    return first === 0 && second === 0 && third > 0;
  }, all);
  const weights = asked.filter((address) => address.endsWith(".safetensors"));
  assert.equal(weights.length, 1, weights.join(", "));

  // The last one lets its workers go when it is out of sight, though nobody else asks for a turn.
  await see("walk-back");
  await until(async () => (await all()).every((count) => count === 0), all);
  // Back in sight it is as it was left, and goes on.
  const hero = embed("walk-back");
  assert.equal(await hero.getByRole("slider", { name: "Step of the walk" }).inputValue(), "3");
  await hero.getByRole("button", { name: "One step", exact: true }).click();
  await hero.getByRole("img", { name: /^The noisy image .* step 4 of 50$/ }).waitFor();
  assert.ok((await workersOf("walk-back")) > 0);
  await see("walk-forward");
  const slider = embed("walk-forward").getByRole("slider", { name: "Time t" });
  await slider.fill("210");
  await embed("walk-forward")
    .getByRole("img", { name: /one walk, at t = 210$/ })
    .waitFor();
  const later = asked.filter((address) => address.endsWith(".safetensors"));
  assert.equal(later.length, 1, later.join(", "));
  assert.deepEqual(complaints, []);
});

test("embeds in sight at once take turns at having workers, and work when they are touched", async (t) => {
  const { asked, complaints, embed, drawn, mostAtOnce } = await course(t, FIGURES, ALL);
  for (const [figure] of FIGURES) await drawn(figure);
  const hero = embed("walk-back");
  await hero.getByRole("button", { name: "One step", exact: true }).click();
  await hero.getByRole("img", { name: /^The noisy image .* step 4 of 50$/ }).waitFor();
  const answers = embed("many-answers");
  await answers.getByRole("slider", { name: "Begin at time t" }).fill("310");
  await answers.getByRole("img", { name: /^Sixteen images, .* at t = 310;/ }).waitFor();
  const forward = embed("walk-forward");
  await forward.getByRole("slider", { name: "Time t" }).fill("210");
  await forward.getByRole("img", { name: /one walk, at t = 210$/ }).waitFor();
  assert.equal(await mostAtOnce(), 1);
  const weights = asked.filter((address) => address.endsWith(".safetensors"));
  assert.equal(weights.length, 1, weights.join(", "));
  assert.deepEqual(complaints, []);
});

test("a long walk in one embed neither keeps another waiting nor is lost", async (t) => {
  const [, second = FIGURES[0]] = FIGURES;
  if (second === undefined) throw new Error("no figure");
  const { embed, drawn, mostAtOnce } = await course(t, [["walk-back", "steps=1000"], second], ALL);
  const place = embed("walk-back").getByRole("slider", { name: "Step of the walk" });
  const position = async () => Number(await place.inputValue());
  await drawn("many-answers");
  const then = await position();
  assert.ok(then < 1000, "the walk is not awaited");
  await until(async () => (await position()) > then, position);
  const answers = embed("many-answers");
  await answers.getByRole("slider", { name: "Begin at time t" }).press("ArrowRight");
  await answers.getByRole("img", { name: /^Sixteen images, .* at t = 301;/ }).waitFor();
  const touched = await position();
  assert.ok(touched < 1000, "nor where another is touched");
  await until(async () => (await position()) > touched, position);
  assert.equal(await mostAtOnce(), 1);
});

test("an embed in which something is learned keeps no worker out of sight, and continues in sight", async (t) => {
  const { complaints, embed, see, workersOf } = await course(t, [
    ["walk-back", "steps=50&at=3"],
    // So that the third is not seen beside the first.
    ["walk-forward", "forward.t=200"],
    ["teach", "steps=50"],
  ]);
  const teach = embed("teach");
  const oneStep = () => teach.getByRole("button", { name: "One step", exact: true }).click();
  /** @param {number} step */
  const taken = (step) =>
    teach
      .getByText(new RegExp(`^Step ${step}: the loss of this batch`))
      .waitFor({ timeout: SLOW / 5 });
  await see("teach");
  await teach.getByText("More", { exact: true }).click();
  await teach.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
  await oneStep();
  await taken(1);
  // The learner's, and the one that walks.
  assert.equal(await workersOf("teach"), 2);
  await see("walk-back");
  const count = () => workersOf("teach");
  await until(async () => (await count()) === 0, count);
  await see("teach");
  await oneStep();
  await taken(2);

  // What learns goes on out of sight, as the visitor wants it, and its worker ends with it.
  await teach.getByRole("button", { name: "Continue learning", exact: true }).click();
  const pause = teach.getByRole("button", { name: "Pause", exact: true });
  await pause.waitFor();
  await see("walk-back");
  /** Nothing is painted where nobody looks. @returns {Promise<number>} */
  const step = () =>
    teach.locator("body").evaluate(async (body) => {
      const { theLearner } = await import(new URL("web/client/learner.js", body.baseURI).href);
      return theLearner().status.learning.step;
    });
  // Before it learns, it draws.
  await until(async () => (await step()) > 2, step, SLOW / 5);
  await pause.dispatchEvent("click");
  await until(async () => (await count()) === 0, count);
  assert.deepEqual(complaints, []);
});

for (const [where, height] of /** @type {const} */ ([
  ["one in sight", ONE],
  ["all in sight", ALL],
])) {
  test(`three embeds, ${where}, take at most one and a half times the memory of one`, async (t) => {
    const [first = FIGURES[0]] = FIGURES;
    if (first === undefined) throw new Error("no figure");
    const one = await course(t, [first]);
    await one.see(first[0]);
    await one.drawn(first[0]);
    const alone = await one.memory();
    const three = await course(t, FIGURES, height);
    for (const [figure] of [...FIGURES].reverse()) {
      await three.see(figure);
      await three.drawn(figure);
    }
    const all = () => Promise.all(FIGURES.map(([figure]) => three.workersOf(figure)));
    await until(async () => (await all()).filter((count) => count > 0).length <= 1, all);
    const together = await three.memory();
    const times = together / alone;
    t.diagnostic(`${Math.round(alone / 1024)} MB and ${Math.round(together / 1024)} MB`);
    assert.ok(times <= 1.5, `three take ${times.toFixed(2)} times ${alone} kB`);
  });
}
