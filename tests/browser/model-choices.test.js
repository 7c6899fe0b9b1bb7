// What a model leaves open is asked: the size of its images, which of two sets of weights, the names of its classes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { violations } from "./accessibility.js";
import { bar, shows, sizeOf, visitStill } from "./any-model.js";
import { changed, conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/** @param {Parameters<typeof conformance>[0]} model @param {string} file */
const text = (model, file) => readFile(path.join(conformance(model), file), "utf8");

test("the size of the images is asked for where the model states none", async (t) => {
  const config = JSON.parse(await text("plain", "unet/config.json"));
  const folder = await changed(
    t,
    "plain",
    { "unet/config.json": JSON.stringify({ ...config, sample_size: null }) },
    "no size",
  );
  const visitor = await visitStill(site);
  const dialog = visitor.page.getByRole("dialog", { name: "How large are its images?" });
  await drop(visitor.page, folder);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await bar(visitor)
    .getByText(/does not say how large its images are/)
    .waitFor();
  await drop(visitor.page, folder);
  await dialog.waitFor();
  assert.deepEqual(await violations(visitor.page, dialog), []);
  await dialog.getByRole("spinbutton", { name: "Height" }).fill("12");
  await dialog.getByRole("spinbutton", { name: "Width" }).fill("20");
  await dialog.getByRole("button", { name: "Open it" }).click();
  await shows(visitor, /no size.*images of 12 × 20/);
  assert.deepEqual(await sizeOf(visitor), [12, 20]);
  await visitor.step.click();
  await visitor.reaches(1);
  await visitor.leave();
});

test("averaged weights can be switched for the others, and back", async (t) => {
  const weights = "diffusion_pytorch_model.safetensors";
  const bytes = await readFile(path.join(conformance("plain"), "unet", weights));
  // The last tensor, all zero: another network.
  const other = Buffer.from(bytes);
  other.fill(0, other.length - 4096);
  const folder = await changed(
    t,
    "plain",
    {
      "unet_ema/config.json": await text("plain", "unet/config.json"),
      [`unet_ema/${weights}`]: other,
    },
    "two",
  );
  const visitor = await visitStill(site);
  await drop(visitor.page, folder);
  await shows(visitor, /two.*Using the averaged weights in unet_ema/);
  const averaged = await visitor.pixels(visitor.x0);
  const choice = bar(visitor).getByRole("switch", { name: "Averaged weights" });
  assert.ok(await choice.isChecked());
  await choice.uncheck();
  await shows(visitor, /two.*Using the weights in unet\/, not the averaged ones/);
  assert.notDeepEqual(await visitor.pixels(visitor.x0), averaged);
  await choice.check();
  await shows(visitor, /two.*Using the averaged weights in unet_ema/);
  assert.deepEqual(await visitor.pixels(visitor.x0), averaged);
  await visitor.leave();
});

test("classes can be named, and one be the label for none, which makes guidance possible", async (t) => {
  const folder = await changed(t, "class_conditional", {}, "classes");
  const visitor = await visitStill(site);
  await drop(visitor.page, folder);
  await shows(visitor, /of 11 classes/);
  await openMore(visitor.hero);
  assert.ok(await visitor.guidance.isHidden());
  await bar(visitor).getByRole("button", { name: "Name the classes" }).click();
  const dialog = visitor.page.getByRole("dialog", { name: "Name the classes" });
  assert.deepEqual(await violations(visitor.page, dialog), []);
  await dialog.getByRole("textbox", { name: /^Names/ }).fill("cat\ndog\n\nbird\n");
  await dialog.getByRole("combobox", { name: /stands for no class/ }).selectOption("10");
  await dialog.getByRole("button", { name: "Use these" }).click();
  await shows(visitor, /of 10 classes/);
  await visitor.digit("dog").check();
  await visitor.digit("2").check();
  await openMore(visitor.hero);
  await visitor.guidance.waitFor();
  await visitor.leave();
});
