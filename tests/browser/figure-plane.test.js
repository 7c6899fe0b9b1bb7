// The plane: its field against numbers, drawing, walking, the learned network, and links, before and without a model.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { originsOf } from "../../web/figures/plane/exact.js";
import { alphasCumprodOf } from "../../web/figures/plane/schedule.js";
import { REACH, readPoints, shapeOf } from "../../web/figures/plane/shapes.js";
import { violations } from "./accessibility.js";
import { serve } from "./helpers.js";
import { openSite } from "./site.js";
import { arrive, openMore } from "./visitor.js";

/** @typedef {import("./visitor.js").Visitor} Visitor */

const site = openSite();
const CALM = /** @type {const} */ ({ reducedMotion: "reduce" });
/** A busy machine learns slowly. */
const PATIENCE = 300_000;

/**
 * The figure, without the model: what it asks for never comes.
 * @param {import("node:test").TestContext} t
 * @param {string} hash
 * @param {import("./visitor.js").Arrival} [arrival]
 */
async function planeAlone(t, hash, arrival = CALM) {
  const visitor = await site.visitWith(
    t,
    {
      "/pretrained/mnist/model_index.json": { status: 404 },
      "/pretrained/mnist/unet/config.json": { status: 404 },
    },
    `?device=cpu#plane${hash}`,
    arrival,
  );
  const section = visitor.page.getByRole("region", { name: "Two numbers instead of 784" });
  await section.locator("[data-figure][data-ready]").waitFor();
  await section.locator("[data-figure]").evaluate((place) => place.scrollIntoView());
  return { visitor, page: visitor.page, section };
}

/** @param {Visitor} visitor @param {import("playwright-core").Locator} section */
async function distances(visitor, section) {
  const read = async (/** @type {string} */ name) =>
    Number(await visitor.reads(`${name}, from the points`, section));
  await visitor.until(async () => Number.isFinite(await read("DDPM")));
  return { ddpm: await read("DDPM"), ddim: await read("DDIM") };
}

/** Waits for the last step. @param {import("playwright-core").Locator} section @param {string} count */
const arrives = (section, count) =>
  section
    .getByText(new RegExp(`^Arrived in ${count}: DDPM [\\d.]+ from the points`))
    .waitFor({ state: "attached", timeout: 60_000 });

describe("the plane", () => {
  test("points from a place to the mean of its origins, before any model is there", async (t) => {
    const { page, section, visitor } = await planeAlone(t, "&plane.t=300&plane.shape=letters");
    const canvas = section.getByRole("application", { name: /^Walking back by DDPM/ });
    await canvas.focus();
    for (let i = 0; i < 3; i++) await canvas.press("ArrowRight");
    await canvas.press("ArrowUp");
    const place = [3 * (REACH / 16), -REACH / 16];
    const points = shapeOf("letters");
    const weights = originsOf(
      points,
      place[0] ?? 0,
      place[1] ?? 0,
      alphasCumprodOf("linear")[300] ?? 0,
    );
    const guess = [0, 1].map((axis) =>
      weights.reduce((sum, weight, i) => sum + weight * (points.xy[2 * i + axis] ?? 0), 0),
    );
    const said = section.locator(".plane-told");
    await visitor.until(async () => (await said.textContent())?.includes("(0.52, 0.17)") === true);
    const [, x, y] =
      /the guess, is at \((\S+), (\S+)\)/.exec(
        ((await said.textContent()) ?? "").replaceAll("−", "-"),
      ) ?? [];
    assert.ok(Math.abs(Number(x) - (guess[0] ?? NaN)) < 0.006, `${x} and ${guess[0]}`);
    assert.ok(Math.abs(Number(y) + (guess[1] ?? NaN)) < 0.006, `${y} and ${guess[1]}`);
    assert.equal(
      await section.locator("[data-figure] > .plane > .stack > [role=status]").textContent(),
      await said.textContent(),
    );
    await canvas.press("Escape");
    await section
      .getByText(/^Point anywhere on the large plane/)
      .last()
      .waitFor();
    assert.deepEqual(await violations(page, section), []);
  });

  test("reaches the shape in many steps and not in one, and plays by itself", async (t) => {
    const { page, section, visitor } = await planeAlone(t, "&plane.steps=1", CALM);
    await arrives(section, "one step");
    const one = await distances(visitor, section);
    assert.ok(one.ddpm > 0.3 && one.ddim > 0.3, JSON.stringify(one));
    await section.getByRole("slider", { name: "Number of steps" }).press("End");
    await arrives(section, "1000 steps");
    const many = await distances(visitor, section);
    assert.ok(many.ddpm < 0.03 && many.ddim < 0.03, JSON.stringify(many));
    assert.match(page.url(), /plane\.steps=1000/);
    const lively = await planeAlone(t, "&plane.steps=20", { reducedMotion: "no-preference" });
    const slider = lively.section.getByRole("slider", { name: "Time t" });
    await lively.visitor.until(async () => (await slider.inputValue()) === "-1");
    await lively.section.getByRole("button", { name: "Drift forward" }).click();
    await lively.visitor.until(async () => Number(await slider.inputValue()) > 100);
    await lively.section.getByRole("button", { name: "Pause" }).click();
    const at = Number(await slider.inputValue());
    await lively.visitor.until(async () => lively.page.url().includes(`plane.t=${at}`));
  });

  test("takes a drawing, by pen and by key, and a link brings it again", async (t) => {
    const { page, section, visitor } = await planeAlone(t, "&plane.steps=100");
    await arrives(section, "100 steps");
    const pad = section.getByRole("application", { name: /Draw here\.$/ });
    const box = await pad.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.3 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.3 * box.height, { steps: 8 });
    await page.mouse.up();
    await visitor.until(async () => page.url().includes("plane.points="));
    await pad.focus();
    await pad.press("Space");
    for (let i = 0; i < 8; i++) await pad.press("ArrowDown");
    await pad.press("Space");
    assert.ok(await section.getByRole("radio", { name: "yours" }).isChecked());
    /** @param {string} url */
    const pointsIn = (url) =>
      readPoints(new URLSearchParams(new URL(url).hash.slice(1)).get("plane.points") ?? "") ?? [];
    await visitor.until(async () => pointsIn(page.url()).length > 35);
    const drawn = pointsIn(page.url());
    const level = drawn.slice(0, 20);
    assert.ok(
      level.every(([, y]) => Math.abs(y + 0.4 * REACH) < 0.15),
      JSON.stringify(level),
    );
    await visitor.until(async () => (await distances(visitor, section)).ddim < 0.05);
    const again = await planeAlone(t, new URL(page.url()).hash.replace(/^#(plane)?/, ""));
    await arrives(again.section, "100 steps");
    // Either may still walk to what was drawn last, and has no distances meanwhile.
    await visitor.until(async () => {
      const here = await distances(visitor, section);
      const there = await distances(again.visitor, again.section);
      return here.ddim < 0.05 && here.ddim === there.ddim && here.ddpm === there.ddpm;
    });
    // Ctrl-Z takes the last stroke back, Clear all of it.
    await page.keyboard.press("Control+z");
    await visitor.until(async () => pointsIn(page.url()).length < drawn.length);
    await section.getByRole("button", { name: "Clear" }).click();
    await section.getByText("draw a shape here.").waitFor();
  });

  test("learns the shape in this browser", async (t) => {
    const { page, section, visitor } = await planeAlone(t, "&plane.steps=20");
    await arrives(section, "20 steps");
    await openMore(section);
    await section.getByRole("switch", { name: /^A learned network/ }).click();
    const progress = section.locator(".plane-progress");
    await section.getByText(/^Learning: step [1-9]/).waitFor({ timeout: 60_000 });
    await section.getByText(/^Learned\./).waitFor({ timeout: PATIENCE });
    const [loss = NaN, least = NaN] = [
      ...((await progress.textContent()) ?? "").matchAll(/is (\d\.\d+)/g),
    ].map(([, number]) => Number(number));
    assert.ok(
      loss < least + 0.06 && loss > least - 0.02,
      `${loss}, the exact answer's is ${least}`,
    );
    await visitor.until(async () => (await distances(visitor, section)).ddim < 0.2);
    assert.match(page.url(), /plane\.learned=1/);
  });
});

test("the plane stays as it is set while a model comes, and keeps the address of the rest", async (t) => {
  const hash = "#plane&steps=10&at=0&many.t=60&plane.t=400";
  const { page, complaints } = await site.visitWith(t, {}, `?device=cpu${hash}`, CALM);
  const section = page.getByRole("region", { name: "Two numbers instead of 784" });
  const slider = section.getByRole("slider", { name: "Time t" });
  await section.locator("[data-figure][data-ready]").waitFor();
  await slider.evaluate((at) => at.setAttribute("data-same", ""));
  await slider.press("ArrowRight");
  await page.waitForFunction(
    () => /parameters/.test(document.getElementById("detail-model")?.textContent ?? ""),
    null,
    { timeout: 60_000 },
  );
  assert.equal(await slider.inputValue(), "401");
  assert.equal(await slider.getAttribute("data-same"), "", "the figure is the same");
  await page.waitForFunction(() => location.hash.includes("plane.t=401"));
  assert.match(page.url(), /#plane&steps=10&at=0&.*many\.t=60/);
  assert.equal(await page.locator("#link-notice").textContent(), "");
  assert.deepEqual(complaints, []);
});

test("an embed of the plane asks for no model", async (t) => {
  /** @type {string[]} */
  const asked = [];
  const server = await serve({}, { asked: (address) => asked.push(address) });
  t.after(server.close);
  const visitor = await arrive(site.browser, `${server.url}?embed=plane#plane.t=200`, CALM);
  await visitor.page.locator("[data-figure=plane][data-ready]").waitFor();
  const section = visitor.page.locator("#plane");
  await distances(visitor, section);
  assert.equal(await section.getByRole("slider", { name: "Time t" }).inputValue(), "200");
  assert.ok(await visitor.page.locator("#loading").isHidden());
  assert.deepEqual(
    asked.filter((address) => address.startsWith("/pretrained/")),
    [],
  );
  await visitor.leave();
});
