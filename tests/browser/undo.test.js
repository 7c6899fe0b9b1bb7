// What the visitor did can be taken back, and what a reload takes away is said.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeAllFigures } from "./figures.js";
import { conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

test("Ctrl-Z takes back one change after the other, but not where the walk stands", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0&seed=5", { reducedMotion: "reduce" });
  const { page } = visitor;
  await visitor.rests(0);
  await visitor.digit("7").check();
  await visitor.rests(0);
  await visitor.dice.click();
  const seed = await visitor.seed.inputValue();
  assert.notEqual(seed, "5");
  await visitor.step.click();
  await visitor.rests(1);

  await page.keyboard.press("Control+z");
  await visitor.until(async () => (await visitor.seed.inputValue()) === "5");
  assert.ok(await visitor.digit("7").isChecked());
  await visitor.rests(0);
  await page.keyboard.press("Control+z");
  await visitor.until(() => visitor.digit("3").isChecked());
  assert.equal(new URL(page.url()).hash, "#seed=5&steps=10&at=0");
  // There is nothing more to take back.
  await page.keyboard.press("Control+z");
  assert.equal(await visitor.seed.inputValue(), "5");

  // A reset is a change too.
  await page.getByRole("group", { name: "Figure: Walk back" }).getByText("Reset").click();
  await visitor.until(async () => (await visitor.seed.inputValue()) === "1");
  await page.keyboard.press("Control+z");
  await visitor.until(async () => (await visitor.seed.inputValue()) === "5");
  await visitor.leave();
});

test("a button below each figure takes that figure's last change back, with a finger too", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0&seed=5&learn.t=400", {
    reducedMotion: "reduce",
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const { page } = visitor;
  await visitor.rests(0);
  /** @param {string} figure @param {string} name */
  const tool = (figure, name) =>
    page
      .getByRole("group", { name: `Figure: ${figure}` })
      .getByRole("button", { name, exact: true });
  const undo = tool("Walk back", "Undo");
  assert.ok(await undo.isDisabled(), "nothing has been changed yet");
  // A radio button covers its label.
  await visitor.digit("7").tap();
  await visitor.dice.tap();
  await visitor.until(async () => (await visitor.seed.inputValue()) !== "5");

  const section = await visitor.goTo("How it learned");
  const [slider, undoOther] = [
    section.getByRole("slider", { name: "Time t" }),
    tool("How it learned", "Undo"),
  ];
  assert.ok(await undoOther.isDisabled(), "what was changed is another figure's");
  await slider.fill("700");
  await visitor.until(() => undoOther.isEnabled());

  // What was changed elsewhere since stays.
  await undo.tap();
  await visitor.until(async () => (await visitor.seed.inputValue()) === "5");
  assert.ok(await visitor.digit("7").isChecked());
  assert.equal(await slider.inputValue(), "700");
  await undo.focus();
  await page.keyboard.press("Enter");
  await visitor.until(() => visitor.digit("3").isChecked());
  assert.ok(await undo.isDisabled());
  const reset = tool("Walk back", "Reset");
  assert.ok(await reset.evaluate((at) => at === document.activeElement), "the focus is not lost");

  // And the other way round.
  await visitor.step.tap();
  await visitor.rests(1);
  await undoOther.tap();
  await visitor.until(async () => (await slider.inputValue()) === "400");
  await visitor.rests(1);
  assert.ok(await undoOther.isDisabled());
  await visitor.leave();
});

test("every figure that keeps something in the address has a reset", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
  await seeAllFigures(visitor.page);
  const without = await visitor.page.locator("[data-figure]").evaluateAll((places) =>
    places
      .filter((place) => {
        const frame = place.closest("[data-frame]");
        const names = [...(frame?.querySelectorAll(".tools button") ?? [])].map(
          ({ textContent }) => textContent,
        );
        return !names.includes("Reset") || !names.includes("Undo");
      })
      .map((place) => place.getAttribute("data-figure")),
  );
  // What is learned has "Begin again" and "Forget all"; of files nothing is kept.
  assert.deepEqual(without, ["teach", "take-away"]);
  await visitor.leave();
});

test("a reset of several chains is one change", async () => {
  const visitor = await site.visit(
    "?device=cpu#steps=10&at=0&compareA.steps=10&compareB.steps=20&compare.seed=9",
    { reducedMotion: "reduce" },
  );
  const section = await visitor.goTo("Same noise, other samplers");
  await openMore(section);
  const tools = visitor.page.getByRole("group", { name: "Figure: Same noise, other samplers" });
  const seed = section.getByRole("spinbutton", { name: /^Seed/ });
  const steps = section
    .getByRole("group", { name: "Chain B" })
    .getByRole("slider", { name: "Steps" });
  const before = [await seed.inputValue(), await steps.getAttribute("aria-valuetext")];
  assert.deepEqual(before, ["9", "20"]);
  await tools.getByRole("button", { name: "Reset" }).click();
  await visitor.until(async () => (await seed.inputValue()) !== "9");
  await tools.getByRole("button", { name: "Undo", exact: true }).click();
  await visitor.until(async () => (await seed.inputValue()) === "9");
  assert.equal(await steps.getAttribute("aria-valuetext"), "20");
  await visitor.leave();
});

test("after a reload the page says that a model from files has to be opened again", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0");
  const { page } = visitor;
  await drop(page, conformance("plain"));
  await page.getByText(/It comes from your files/).waitFor();
  await page.reload();
  await page.getByText(/“plain” came from your files, and a reload closes them/).waitFor();
  await page.getByRole("button", { name: "Open it again" }).click();
  await page.getByRole("dialog", { name: "Open a model" }).waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await visitor.revealed();
  assert.equal(await page.getByRole("button", { name: "Open it again" }).count(), 0);
  await visitor.leave();
});
