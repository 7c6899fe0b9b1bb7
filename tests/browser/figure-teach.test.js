// Learning in the page, as a person does it: on the CPU path, with drawings made by mouse.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { violations } from "./accessibility.js";
import { CROSSES, SIDE, drawCross } from "./crosses.js";
import { root, screenshots } from "./helpers.js";
import { distance, imagesOf, mean } from "./images.js";
import { scratch } from "./models.js";
import { openSite } from "./site.js";

/** @typedef {import("./visitor.js").Visitor} Visitor */
/** @typedef {import("playwright-core").Locator} Locator */

const site = openSite();
/** A step takes a second or two on a busy machine. */
const PATIENCE = 900_000;

/** The examples as the network sees them, 0 to 255. @param {Visitor} visitor @param {Locator} section */
async function examplesOf(visitor, section) {
  const canvases = await section.getByRole("button", { name: /^Remove example/ }).all();
  return Promise.all(canvases.map((button) => visitor.pixels(button.locator("canvas"))));
}

/** @param {number[]} image @param {number} dx @param {number} dy */
const shifted = (image, dx, dy) =>
  image.map((_, i) => {
    const [x, y] = [(i % SIDE) + dx, Math.floor(i / SIDE) + dy];
    return x >= 0 && y >= 0 && x < SIDE && y < SIDE ? (image[y * SIDE + x] ?? 0) : 0;
  });

/** The image and what is near it: learning shifts its examples. @param {number[]} image */
const around = (image) =>
  [-3, -1, 0, 1, 3].flatMap((dx) => [-3, -1, 0, 1, 3].map((dy) => shifted(image, dx, dy)));

/** How far an image is from the nearest of others. @param {number[]} image @param {number[][]} others */
const nearest = (image, others) => Math.min(...others.map((other) => distance(image, other))) / 255;

/** @param {Visitor} visitor @param {Locator} section @param {number} step */
async function walksAfter(visitor, section, step) {
  const grid = section.getByRole("img", { name: `Sixteen walks after step ${step}`, exact: true });
  await grid.waitFor({ timeout: PATIENCE });
  return imagesOf(await visitor.pixels(grid), { columns: 4, rows: 4 });
}

/** The page's own digits, 0 to 255. @param {Visitor} visitor */
async function digitsOf({ page }) {
  const url = new URL("web/client/digits.js", page.url()).href;
  return page.evaluate(async (url) => {
    const { images } = await (await import(url)).loadDigits();
    return images.map((/** @type {Float32Array} */ image) =>
      Array.from(image, (value) => (value + 1) * 127.5),
    );
  }, url);
}

/** @param {Locator} section @param {string} name */
async function press(section, name) {
  await section.getByRole("button", { name, exact: true }).click();
}

describe("teach it", { timeout: 2 * PATIENCE }, () => {
  test("five crosses become a label that draws crosses, kept over a reload", async (t) => {
    const visitor = await site.visit("?device=cpu");
    const { page } = visitor;
    let section = await visitor.goTo("Teach it");
    for (const ends of CROSSES) await drawCross(visitor.page, section, ends);
    const all = await examplesOf(visitor, section);
    assert.equal(all.length, CROSSES.length);
    // The last two are kept from learning.
    await press(section, "Remove example 7");
    await press(section, "Remove example 6");
    const shown = all.slice(0, 5);
    const kept = all.slice(5).flatMap(around);
    const digits = await digitsOf(visitor);

    await page.evaluate(() => {
      const long = { began: performance.now(), milliseconds: 0, most: 0 };
      Object.assign(globalThis, { long });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) {
          long.milliseconds += duration;
          long.most = Math.max(long.most, duration);
        }
      }).observe({ type: "longtask" });
    });
    await press(section, "Learn");
    const before = await walksAfter(visitor, section, 0);
    await walksAfter(visitor, section, 50);
    const { share, most } = await page.evaluate(() => {
      const { began, milliseconds, most } = /** @type {any} */ (globalThis).long;
      return { share: milliseconds / (performance.now() - began), most };
    });
    t.diagnostic(
      `the page's thread: longest task ${most} ms, ${(100 * share).toFixed(1)}% in tasks over 50 ms`,
    );
    // By the clock, so that what else the machine does counts too.
    assert.ok(share < 0.2, `${share} of the time is in tasks of more than 50 ms`);
    const wasKept = await section.locator(".readouts dd").first().textContent();

    // A reload in the middle.
    await page.waitForTimeout(6000);
    await page.reload();
    section = await visitor.goTo("Teach it");
    await section.getByRole("button", { name: "Continue learning", exact: true }).waitFor();
    const found = Number(await section.locator(".readouts dd").first().textContent());
    assert.ok(found >= Number(wasKept), `step ${found} was found, ${wasKept} was seen`);
    assert.equal((await examplesOf(visitor, section)).length, 5);
    await section.getByText("More", { exact: true }).click();
    await press(section, "Continue learning");
    const last = 150;
    await walksAfter(visitor, section, last);
    await press(section, "Pause");
    await section.getByRole("button", { name: "Continue learning", exact: true }).waitFor();
    const step = Number(await section.locator(".readouts dd").first().textContent());
    assert.ok(step >= last);
    const after = imagesOf(
      await visitor.pixels(section.getByRole("img", { name: /^Sixteen walks after/ })),
      { columns: 4, rows: 4 },
    );

    /** @param {number[][]} walks how much nearer they are to the crosses than to digits */
    const nearer = (walks) =>
      mean(walks.map((walk) => nearest(walk, digits.flatMap(around)) - nearest(walk, kept)));
    const [was, is] = [nearer(before), nearer(after)];
    const copy = mean(after.map((walk) => nearest(walk, shown.flatMap(around))));
    t.diagnostic(
      `nearer to crosses than to digits: before ${was.toFixed(3)}, after ${is.toFixed(3)}`,
    );
    t.diagnostic(`to the nearest drawing it learned from: ${copy.toFixed(3)}`);
    assert.ok(was < 0 && is > 0, `before ${was}, after ${is}`);
    // A copy would be at 0.
    assert.ok(copy > 0.02, `${copy}`);

    // Taken along, it opens natively and in the page.
    const coming = page.waitForEvent("download");
    await press(section, "Download the model");
    const zip = await readFile(await (await coming).path());
    const folder = await scratch(t);
    await writeFile(path.join(folder, "yours.zip"), zip);
    const run = promisify(execFile);
    await run("python3", ["-m", "zipfile", "-e", "yours.zip", "."], { cwd: folder });
    const binary = path.join(root, "target", "release", "walkback");
    const model = path.join(folder, "yours");
    const { stdout } = await run(binary, ["info", "--model", model]);
    assert.match(stdout, /yours/);
    await run(binary, [
      ...["sample", "--model", model, "--label", "yours", "--count", "4"],
      ...["--steps", "10", "--out", path.join(folder, "yours.png")],
    ]);

    await press(section, "Walk with this model");
    const hero = page.getByRole("region", { name: "Walk back", exact: true });
    await hero.getByRole("radio", { name: "yours" }).waitFor({ timeout: 60_000 });
    assert.equal(await hero.getByRole("radio", { name: "any" }).count(), 1);
    await visitor.leave();
  });

  test("while it learns no task of the page takes 50 ms of the processor", async (t) => {
    const { page } = await site.visitWith(t, {}, "?device=cpu&embed=teach");
    const place = page.locator('[data-figure="teach"][data-ready]');
    await place.getByText("More", { exact: true }).click();
    await place.getByRole("radio", { name: "nothing" }).check();
    await place.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
    await press(place, "Learn");
    const walks = (/** @type {number} */ step) =>
      place
        .getByRole("img", { name: `Sixteen walks after step ${step}`, exact: true })
        .waitFor({ timeout: PATIENCE });
    await walks(0);
    await site.browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
    await walks(50);
    await place.getByRole("img", { name: /^Squared error over t/ }).waitFor();
    /** @type {{ traceEvents: { name: string, pid: number, tid: number, tdur?: number, args?: { name?: string } }[] }} */
    const { traceEvents } = JSON.parse((await site.browser.stopTracing()).toString());
    const threads = new Set(
      traceEvents
        .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
        .map(({ pid, tid }) => `${pid} ${tid}`),
    );
    // By the processor's time: what else the machine does is not the page's fault.
    const tasks = traceEvents
      .filter(({ pid, tid, tdur }) => tdur !== undefined && threads.has(`${pid} ${tid}`))
      .map(({ tdur = 0 }) => tdur / 1000);
    assert.ok(tasks.length > 100, `${tasks.length} tasks were seen`);
    const longest = Math.max(...tasks);
    t.diagnostic(`the longest of ${tasks.length} tasks took ${longest.toFixed(1)} ms`);
    assert.ok(longest < 50, `${longest} ms`);
  });

  test("everything is forgotten when that is asked for, and nothing is learned from nothing", async () => {
    const visitor = await site.visit("?device=cpu");
    const section = await visitor.goTo("Teach it");
    await press(section, "Learn");
    await section.getByText("There is nothing to learn from yet").waitFor();
    await drawCross(visitor.page, section, CROSSES[0] ?? []);
    await visitor.page.waitForTimeout(500);
    await visitor.page.reload();
    const again = await visitor.goTo("Teach it");
    await again.getByRole("button", { name: "Remove example 1" }).waitFor();
    await again.getByText("More", { exact: true }).click();
    await press(again, "Forget all");
    await again.getByText("Everything is forgotten").waitFor();
    await visitor.page.reload();
    const empty = await visitor.goTo("Teach it");
    await empty.getByText("No example yet").waitFor();
    await visitor.leave();
  });

  test("a second tab keeps nothing, and says so", async () => {
    const visitor = await site.visit("?device=cpu");
    const section = await visitor.goTo("Teach it");
    await section.getByText("are kept in this browser").waitFor();
    const other = await visitor.page.context().newPage();
    await other.goto(visitor.page.url());
    const place = other.getByRole("region", { name: "Teach it" });
    await place.scrollIntoViewIfNeeded();
    await place.getByText("Another tab of this page").waitFor({ timeout: 60_000 });
    await other.close();
    await visitor.leave();
  });

  test("has no fault that axe finds, at 390 and at 1280 pixels, dark and light", async () => {
    await mkdir(screenshots, { recursive: true });
    for (const width of [390, 1280]) {
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        const viewport = { width, height: 900 };
        const visitor = await site.visit("?device=cpu", { viewport, colorScheme });
        const section = await visitor.goTo("Teach it");
        await drawCross(visitor.page, section, CROSSES[1] ?? []);
        await drawCross(visitor.page, section, CROSSES[2] ?? []);
        await section.getByText("More", { exact: true }).click();
        await press(section, "One step");
        await section.getByText(/^Step 1: the loss/).waitFor({ timeout: PATIENCE });
        assert.deepEqual(await violations(visitor.page, section), []);
        await section.screenshot({
          path: path.join(screenshots, `teach-${width}-${colorScheme}.png`),
        });
        await visitor.leave();
      }
    }
  });
});
