// What the visitor did can be taken back, and what a reload takes away is said.

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformance, drop } from "./models.js";
import { openSite } from "./site.js";

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
