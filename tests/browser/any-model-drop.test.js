// Models that are dropped onto the page or chosen, in every form that they come in.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { zipSync } from "fflate";
import { violations } from "./accessibility.js";
import { bar, shows, sizeOf, visitStill } from "./any-model.js";
import { changed, cifarFolder, drag, drop, filesOf, scratch } from "./models.js";
import { openSite } from "./site.js";

const site = openSite();

describe("a model that is dropped", () => {
  test("is shown in its size and colours, one after the other", async (t) => {
    const visitor = await visitStill(site);
    const { page } = visitor;
    assert.ok(await bar(visitor).isHidden(), "of the page's one own model nothing need be said");

    await drop(page, await changed(t, "cifar_style", {}, "cifar_style"));
    await shows(visitor, /cifar_style/);
    assert.match((await bar(visitor).textContent()) ?? "", /32 × 32 in colour, without classes/);
    assert.deepEqual(await sizeOf(visitor), [32, 32]);
    await visitor.step.click();
    await visitor.reaches(1);
    for (const picture of [visitor.xt, visitor.x0, visitor.eps]) {
      const [red, green, blue] = await Promise.all(
        [0, 1, 2].map((channel) => visitor.pixels(picture, channel)),
      );
      assert.notDeepEqual(red, green);
      assert.notDeepEqual(green, blue);
    }
    assert.equal(await page.getByRole("radio", { name: "any", exact: true }).count(), 0);

    await drop(page, await changed(t, "learned_variance", {}, "learned_variance"));
    await shows(visitor, /learned_variance/);
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    assert.equal((await visitor.position()).position, 0, "a new walk");
    await visitor.step.click();
    await visitor.reaches(1);
    assert.deepEqual(
      await visitor.pixels(visitor.xt, 0),
      await visitor.pixels(visitor.xt, 2),
      "grey again",
    );

    await drop(page, await changed(t, "class_conditional", {}, "class_conditional"));
    await shows(visitor, /of 11 classes/);
    assert.deepEqual(await sizeOf(visitor), [16, 16]);
    await visitor.digit("7").check();
    await visitor.step.click();
    await visitor.reaches(1);
    await page.getByRole("img", { name: /guess of the clean image of 7, at t = / }).waitFor();

    await bar(visitor).getByRole("button", { name: "Back to mnist" }).click();
    await bar(visitor).waitFor({ state: "hidden", timeout: 60_000 });
    await visitor.revealed();
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    await visitor.leave();
  });

  test("is taken from a zip, from loose files, and from what is chosen in the dialog", async (t) => {
    const visitor = await visitStill(site);
    const { page } = visitor;
    const folder = await scratch(t);
    // As a system's own tools pack it: in a folder, with files of its own beside.
    const files = await filesOf(await changed(t, "plain", {}));
    const packed = Object.fromEntries(
      Object.entries(files).flatMap(([name, content]) => [
        [`plain/${name}`, content],
        [`__MACOSX/plain/._${name}`, new Uint8Array(8)],
      ]),
    );
    const archive = path.join(folder, "small model.zip");
    await writeFile(archive, zipSync(packed, { level: 1 }));
    await drop(page, archive);
    await shows(visitor, /small model/);

    await bar(visitor).getByRole("button", { name: "Back to mnist" }).click();
    await bar(visitor).waitFor({ state: "hidden", timeout: 60_000 });
    await page.keyboard.press("Tab");
    const opener = page.getByRole("button", { name: "Open a model" });
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Open a model" });
    assert.deepEqual(await violations(page, dialog), []);
    const loose = path.join(folder, "loose");
    await mkdir(loose);
    const parts = {
      "config.json": files["unet/config.json"],
      "scheduler_config.json": files["scheduler/scheduler_config.json"],
      "my weights.safetensors": files["unet/diffusion_pytorch_model.safetensors"],
    };
    for (const [name, content] of Object.entries(parts)) {
      await writeFile(path.join(loose, name), content ?? "");
    }
    const choosing = page.waitForEvent("filechooser");
    await dialog.getByRole("button", { name: "Choose files or a zip" }).press("Enter");
    await (await choosing).setFiles(Object.keys(parts).map((name) => path.join(loose, name)));
    await shows(visitor, /your files/);
    assert.ok(await dialog.isHidden());

    await opener.click();
    const choosingFolder = page.waitForEvent("filechooser");
    await dialog.getByRole("button", { name: "Choose a folder" }).click();
    await (await choosingFolder).setFiles(await changed(t, "plain", {}, "a folder"));
    await shows(visitor, /a folder/);
    await visitor.leave();
  });

  test("may be as large as google/ddpm-cifar10-32, flat and with the older names", async (t) => {
    const { files, parameters } = cifarFolder();
    assert.equal(parameters, 35_746_307);
    const folder = path.join(await scratch(t), "ddpm-cifar10-32");
    await mkdir(folder);
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(folder, name), content);
    }
    const visitor = await visitStill(site);
    await drop(visitor.page, folder);
    await shows(visitor, /35\.7 million parameters, images of 32 × 32 in colour/);
    await visitor.step.click();
    await visitor.reaches(1, 120_000);
    assert.ok(new Set(await visitor.pixels(visitor.xt)).size > 50);
    await visitor.leave();
  });
});

test("a model may be dropped on a drawing pad too", async (t) => {
  const visitor = await visitStill(site);
  const section = await visitor.goTo("Finish a scribble");
  const pad = section.getByRole("application", { name: /^Your drawing/ });
  await pad.scrollIntoViewIfNeeded();
  const box = (await pad.boundingBox()) ?? assert.fail("the pad cannot be seen");
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const folder = await changed(t, "cifar_style", {}, "cifar_style");
  await (await drag(visitor.page, [folder], point)).drop();
  await shows(visitor, /cifar_style/);
  await visitor.leave();
});

test("who cannot choose a folder is told what to choose instead", async (t) => {
  const instead = /^This browser cannot choose a folder\. Choose all files of the model together/;
  /** @param {import("./visitor.js").Visitor} visitor */
  const open = async ({ page }) => {
    await page.getByRole("button", { name: "Open a model" }).click();
    return page.getByRole("dialog", { name: "Open a model" });
  };

  const without = await visitStill(site, undefined, {
    prepare: (context) =>
      context.addInitScript("delete HTMLInputElement.prototype.webkitdirectory"),
  });
  const dialog = await open(without);
  await dialog.getByText(instead).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Choose a folder" }).count(), 0);
  await without.leave();

  // As in browsers that know the attribute, and let files be chosen.
  const ignoring = await visitStill(site);
  const files = await changed(t, "plain", {});
  const first = await open(ignoring);
  await first
    .locator("input[webkitdirectory]")
    .evaluate((input) => input.removeAttribute("webkitdirectory"));
  const choosing = ignoring.page.waitForEvent("filechooser");
  await first.getByRole("button", { name: "Choose a folder" }).click();
  await (await choosing).setFiles(path.join(files, "unet", "config.json"));
  await ignoring.failure.waitFor();
  await (await open(ignoring)).getByText(instead).waitFor();
  await ignoring.leave();
});
