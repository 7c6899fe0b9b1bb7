// What the page makes of a model in colour, of names that it did not choose, and of the room that it has.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { bar, refusal, shows, visitStill } from "./any-model.js";
import { root, screenshots } from "./helpers.js";
import { meanDifference } from "./images.js";
import { changed, drag, drop, scratch } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/**
 * The red, green and blue values of the first frame of a picture, each pixel once.
 * @param {import("playwright-core").Page} page
 * @param {Buffer} file
 * @param {string} type
 * @param {number} scale how many pixels each pixel has become
 * @returns {Promise<number[][]>}
 */
const coloursOf = (page, file, type, scale) =>
  page.evaluate(
    async ([base64, type, scale]) => {
      const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([data], { type }));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      if (context === null) throw new Error("no context");
      context.drawImage(bitmap, 0, 0);
      const { data: rgba } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      /** @type {number[][]} */
      const channels = [[], [], []];
      for (let y = 0; y < bitmap.height; y += scale) {
        for (let x = 0; x < bitmap.width; x += scale) {
          channels.forEach((values, i) => values.push(rgba[4 * (y * bitmap.width + x) + i] ?? NaN));
        }
      }
      return channels;
    },
    /** @type {const} */ ([file.toString("base64"), type, scale]),
  );

describe("a model of other images", () => {
  test("lets figures begin with an image that it draws, or one of the visitor's own", async (t) => {
    const visitor = await visitStill(site);
    const { page } = visitor;
    await drop(page, await changed(t, "cifar_style", {}, "cifar_style"));
    await shows(visitor, /cifar_style/);
    const picture = path.join(root, "docs", "page.png");
    for (const [heading, shown] of /** @type {const} */ ([
      ["How it learned", /^The input: your image with noise, at t = 400/],
      ["One noisy image, many answers", /^Your image, noised to t = 600/],
      ["If you knew the answer", /^Knowing the answer, at t = /],
      ["Fill a gap", /^The first of four walks, at t = /],
    ])) {
      const section = await visitor.goTo(heading);
      await section.getByText(/images of 32 × 32 in colour.*does not carry yours/).waitFor();
      await section
        .getByRole("img", { name: "An image that the model drew, 32 × 32 pixels" })
        .waitFor({ timeout: 60_000 });
      await section.getByLabel("Open an image").setInputFiles(picture);
      await section.getByRole("img", { name: "Your image, 32 × 32 pixels" }).waitFor();
      const noised = section.getByRole("img", { name: shown }).first();
      await noised.waitFor({ timeout: 60_000 });
      assert.notDeepEqual(await visitor.pixels(noised, 0), await visitor.pixels(noised, 2));
      assert.deepEqual(await violations(page, section), []);
    }
    const files = await visitor.goTo("Take it with you");
    await files.getByText(/The model comes from your files and is not part of the link/).waitFor();
    await openMore(files);
    await files.getByRole("radio", { name: "small" }).check();
    const state = [0, 1, 2].map((channel) => visitor.pixels(visitor.xt, channel));
    const [red, green, blue] = await Promise.all(state);
    for (const [name, type] of /** @type {const} */ ([
      ["PNG of this frame", "image/png"],
      ["GIF of the walk", "image/gif"],
    ])) {
      const coming = page.waitForEvent("download");
      await files.getByRole("button", { name }).click();
      const file = await readFile(await (await coming).path());
      const decoded = await coloursOf(page, file, type, 4);
      if (type === "image/png") assert.deepEqual(decoded, [red, green, blue]);
      for (const [channel, values] of decoded.entries()) {
        const apart = [red, green, blue].map((other) => meanDifference(values, other ?? []));
        // Of a GIF's frame only 256 colours are left; noise has all there are.
        assert.ok((apart[channel] ?? NaN) < 30, `${name}: ${apart}`);
        assert.equal(Math.min(...apart), apart[channel], `${name}: ${apart}`);
      }
    }
    await visitor.leave();
  });

  test("has names that are words, whatever stands in them", async (t) => {
    const attack = `<img src=x onerror="document.title='taken'">`;
    const names = [
      attack,
      "   ",
      "a long name ".repeat(20),
      "‮back",
      "plain",
      ...Array(5).fill(attack),
    ];
    const model = await changed(
      t,
      "class_conditional",
      { "labels.json": JSON.stringify({ names, null: 10 }) },
      "<b onclick=alert(1)>bold",
    );
    const visitor = await visitStill(site);
    const { page } = visitor;
    const title = await page.title();
    await drop(page, model);
    await shows(visitor, /of 10 classes/);
    assert.match((await bar(visitor).textContent()) ?? "", /<b onclick=alert\(1\)>bold/);
    const group = page.getByRole("form").getByRole("group", { name: "Class" });
    assert.equal(await group.getByRole("radio").count(), 11);
    await group.getByRole("radio", { name: attack, exact: true }).first().check();
    await page
      .getByRole("img", { name: `of ${attack}, at t =` })
      .first()
      .waitFor();
    await group.getByRole("radio", { name: "1", exact: true }).check();
    await visitor.fits();
    await visitor.goTo("A wall of images");
    await visitor.goTo("Take it with you");
    assert.equal(await page.locator("img, b").count(), 0, "no name became an element");
    assert.equal(await page.title(), title);

    const broken = path.join(await scratch(t), `${attack.replaceAll("/", "")}.bin`);
    await writeFile(broken, "pickle");
    await drop(page, broken);
    await page.getByRole("alert").getByText(attack).waitFor();
    assert.equal(await page.locator("img, b").count(), 0);
    assert.equal(await page.title(), title);
    await visitor.leave();
  });
});

for (const [width, colorScheme] of /** @type {const} */ ([
  [1280, "light"],
  [390, "dark"],
])) {
  test(`all of it fits into ${width} pixels, ${colorScheme}`, async (t) => {
    const visitor = await visitStill(site, "?device=cpu", {
      viewport: { width, height: 844 },
      colorScheme,
    });
    const { page } = visitor;
    await mkdir(screenshots, { recursive: true });
    /** @param {string} name */
    const shot = async (name) => {
      await visitor.fits();
      const file = `model-${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(screenshots, file) });
    };
    const model = await changed(t, "cifar_style", {}, "cifar_style");
    const hover = await drag(page, [model]);
    await page.getByText("Drop a model").waitFor();
    await shot("drag");
    await hover.away();
    await page.getByText("Drop a model").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Open a model" }).click();
    await shot("dialog");
    await page.getByRole("button", { name: "Close" }).click();
    await drop(page, model);
    await shows(visitor, /cifar_style/);
    assert.deepEqual(await violations(page, bar(visitor)), []);
    await shot("colour");
    await refusal(visitor, await changed(t, "plain", { "scheduler/scheduler_config.json": null }));
    assert.deepEqual(await violations(page, bar(visitor)), []);
    await shot("refused");
    await visitor.leave();
  });
}
