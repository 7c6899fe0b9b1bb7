// Figure 1 and what the address keeps: exact history, links that reproduce pixels, one walk at a time.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { significant } from "../../web/basics/numbers.js";
import { watchChains } from "./chains.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/** Opens the page paused, as for who wants nothing to move by itself. @param {string} hash */
const visitPaused = (hash) => site.visit(`?device=cpu#${hash}`, { reducedMotion: "reduce" });

/** @param {import("./visitor.js").Visitor} visitor */
const hashOf = (visitor) => new URLSearchParams(new URL(visitor.page.url()).hash.slice(1));

describe("the history of a walk", () => {
  test("shows exactly the pixels seen before, by buttons, keys and the scrubber", async () => {
    const visitor = await visitPaused("steps=10");
    const seen = [];
    for (let position = 0; position < 6; position++) {
      await visitor.rests(position);
      seen.push(await visitor.frame());
      await visitor.step.click();
    }
    await visitor.rests(6);
    for (const position of [5, 4]) {
      await visitor.stepBack.click();
      await visitor.rests(position);
      assert.deepEqual(await visitor.frame(), seen[position], `step ${position} by button`);
    }
    for (const position of [2, 0, 5, 3]) {
      await visitor.scrubber.fill(String(position));
      await visitor.rests(position);
      assert.deepEqual(await visitor.frame(), seen[position], `step ${position} by scrubber`);
    }
    await visitor.scrubber.press("ArrowLeft");
    await visitor.rests(2);
    assert.deepEqual(await visitor.frame(), seen[2], "step 2 by the scrubber's arrows");
    assert.notDeepEqual(seen[2], seen[3]);
    await visitor.leave();
  });

  test("computes what is missing when the scrubber is moved ahead, and the end is the image", async () => {
    const visitor = await visitPaused("steps=10");
    await visitor.scrubber.fill("7");
    await visitor.rests(7);
    await visitor.toEnd.click();
    await visitor.page.getByRole("button", { name: "Play again" }).waitFor();
    assert.deepEqual(await visitor.pixels(visitor.xt), await visitor.pixels(visitor.x0));
    await visitor.restart.click();
    await visitor.rests(0);
    await visitor.leave();
  });

  test("shows the noise level at which the sampler left the state", async () => {
    // With this spacing DDIM goes from t = 999 to the level of 999 - 1000 / 20, which is no timestep of its list.
    const visitor = await visitPaused("steps=20&sampler=ddim&spacing=linspace&at=1");
    await visitor.rests(1);
    let alphaCumprod = 1;
    for (let t = 0; t <= 949; t++) alphaCumprod *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / 999);
    assert.equal(
      await visitor.reads("signal to noise"),
      significant(alphaCumprod / (1 - alphaCumprod)),
    );
    await visitor.leave();
  });

  test("says how much the guess changed on the way", async () => {
    const visitor = await visitPaused("steps=10&at=4");
    await visitor.rests(4);
    const plot = visitor.page.getByRole("img", { name: /^How much the guess changes per step/ });
    const text = (await plot.getAttribute("aria-label")) ?? "";
    const [, most, t, now] = /at most ([\d.]+) of 2 .* t = (\d+); now ([\d.]+)/.exec(text) ?? [];
    const after = await visitor.pixels(visitor.x0);
    await visitor.stepBack.click();
    await visitor.rests(3);
    const before = await visitor.pixels(visitor.x0);
    const change =
      after.reduce((sum, value, i) => sum + Math.abs(value - (before[i] ?? NaN)), 0) /
      after.length /
      127.5;
    assert.ok(Math.abs(change - Number(now)) < 5e-3, `${change} seen, ${now} said`);
    assert.ok(Number(most) >= Number(now) && Number(t) < 1000);
    await visitor.leave();
  });
});

describe("a link", () => {
  test("that was copied opens at the very frame, with the same pixels", async () => {
    const visitor = await visitPaused("steps=20&seed=11&label=5&sampler=ddim&eta=0.3");
    await visitor.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await visitor.scrubber.fill("6");
    await visitor.rests(6);
    const frame = await visitor.frame();
    await visitor.copyLink.click();
    await visitor.page
      .getByRole("status")
      .getByText(/^Link copied.*at this step/)
      .waitFor();
    const link = await visitor.page.evaluate(() => navigator.clipboard.readText());
    await visitor.leave();

    // Someone else, who lets things move: a link to a frame stands still all the same.
    const other = await site.visit(link);
    await other.rests(6);
    assert.deepEqual(await other.frame(), frame);
    assert.equal(await other.seed.inputValue(), "11");
    assert.ok(await other.digit("5").isChecked());
    await other.leave();
  });

  test("is in the address as soon as the walk is paused, and lives through a reload", async () => {
    const visitor = await visitPaused("steps=10");
    await visitor.step.click();
    await visitor.rests(1);
    await visitor.step.click();
    await visitor.rests(2);
    const frame = await visitor.frame();
    await visitor.until(async () => hashOf(visitor).get("at") === "2");
    await visitor.page.reload();
    await visitor.rests(2);
    assert.deepEqual(await visitor.frame(), frame);
    await visitor.leave();
  });

  test("that asks for the impossible gets the nearest, and the page says so", async () => {
    const visitor = await visitPaused(
      "seed=-4&label=47&steps=9&guidance=99&at=500&eta=x&colour=red",
    );
    await visitor.page.getByRole("status").getByText("at = 500").waitFor();
    const notice = await visitor.page.getByText(/in this link is not valid/).textContent();
    for (const [asked, taken] of [
      ["seed = -4", "0"],
      ["label = 47", "9"],
      ["steps = 9", "10"],
      ["guidance = 99", "4"],
      ["at = 500", "10, the end of this walk"],
      ["eta = x", "0"],
    ]) {
      const said = `${asked} in this link is not valid; using ${taken}.`;
      assert.ok(notice?.includes(said), `${asked}: ${notice}`);
    }
    assert.ok(notice?.includes(`"colour", which this page does not have`), notice ?? "");
    assert.equal(await visitor.seed.inputValue(), "0");
    assert.ok(await visitor.digit("9").isChecked());
    assert.equal(await visitor.guidance.inputValue(), "4");
    await visitor.page.getByRole("button", { name: "Play again" }).waitFor({ timeout: 60_000 });
    await visitor.leave();
  });

  test("that is followed on the open page is obeyed, and what it leaves out takes its default", async () => {
    const visitor = await visitPaused("steps=10&seed=3&label=7&at=1");
    await visitor.rests(1);
    await visitor.page.evaluate(() => (location.hash = "#steps=10&seed=8&at=2"));
    await visitor.until(async () => (await visitor.seed.inputValue()) === "8");
    await visitor.rests(2);
    assert.ok(await visitor.digit("3").isChecked());
    await visitor.leave();
  });

  test("that is followed on the open page sets the speed of its walk", async () => {
    const visitor = await visitPaused("steps=10&seed=3&speed=max");
    // At a quarter of the speed a walk takes at least 20 seconds, a step of ten 2.
    await visitor.page.evaluate(() => (location.hash = "#steps=10&seed=8&speed=0.25"));
    await visitor.until(async () => (await visitor.seed.inputValue()) === "8");
    await visitor.reaches(1);
    const began = performance.now();
    await visitor.reaches(3);
    const took = performance.now() - began;
    assert.ok(took > 2500, `two steps took ${took} ms`);
    await visitor.leave();
  });

  test("to a place on the page leaves the walk as it is", async () => {
    const visitor = await visitPaused("steps=10&seed=3&at=1");
    await visitor.rests(1);
    await visitor.page.evaluate(() => (location.hash = "#one-step"));
    await visitor.page.waitForTimeout(300);
    assert.equal(await visitor.seed.inputValue(), "3");
    assert.equal((await visitor.position()).position, 1);
    await visitor.digit("5").check();
    await visitor.until(async () => hashOf(visitor).get("label") === "5");
    assert.equal(
      hashOf(visitor).get("seed"),
      "3",
      "a later choice is in the address, with the rest",
    );
    await visitor.leave();
  });

  test("stands in the address where nothing may be copied, and later choices join it", async () => {
    const visitor = await visitPaused("steps=10&seed=3");
    const session = await visitor.page.context().newCDPSession(visitor.page);
    const { targetInfo } = await session.send("Target.getTargetInfo");
    await session.send("Browser.setPermission", {
      permission: { name: "clipboard-write" },
      setting: "denied",
      origin: new URL(site.url).origin,
      browserContextId: targetInfo.browserContextId ?? "",
    });
    await visitor.rests(0);
    await visitor.copyLink.click();
    await visitor.page
      .getByRole("status")
      .getByText(/does not allow copying/)
      .waitFor();
    assert.equal(hashOf(visitor).get("at"), "0", "the link to this very step");
    await visitor.digit("5").check();
    await visitor.until(async () => hashOf(visitor).get("label") === "5");
    await visitor.leave();
  });
});

test("to the end before the walk has begun is to its end, and one step back from there is one", async () => {
  const visitor = await visitPaused("steps=10");
  await visitor.rests(0);
  const digit = await visitor.digit("5").elementHandle();
  const toEnd = await visitor.toEnd.elementHandle();
  await visitor.page.evaluate(
    // In one go: the chain of the new digit cannot have been opened in between.
    (both) => both.forEach((one) => one instanceof HTMLElement && one.click()),
    [digit, toEnd],
  );
  await visitor.page.getByRole("button", { name: "Play again" }).waitFor();
  await visitor.page.getByRole("status").getByText("Done: an image of 5").waitFor();
  await visitor.stepBack.click();
  await visitor.rests(9);
  await visitor.leave();
});

describe("one walk at a time", () => {
  test("ten quick changes of a slider leave one chain walking", async () => {
    const visitor = await site.visit();
    const chains = await watchChains(visitor.page);
    await visitor.reaches(1);
    await openMore(visitor.hero);
    const before = await chains();
    for (let i = 0; i < 10; i++) {
      await visitor.guidance.press(i % 3 === 2 ? "ArrowLeft" : "ArrowRight");
    }
    await visitor.until(async () => (await visitor.position()).position < 40);
    await visitor.reaches(2);
    const after = await chains();
    const closed = new Set(after.closed);
    const open = after.opened.filter((chain) => !closed.has(chain));
    assert.equal(after.opened.length, before.opened.length + 10, "each change is a walk");
    assert.equal(open.length, 1, `open chains: ${open}`);
    assert.equal(open[0], after.opened.at(-1), "the last one");
    const settled = after.steps.length;
    await visitor.until(async () => (await chains()).steps.length > settled + 2);
    const later = (await chains()).steps.slice(settled);
    assert.ok(
      later.every((chain) => chain === open[0]),
      `only it is stepped: ${later}`,
    );
    await visitor.leave();
  });
});
