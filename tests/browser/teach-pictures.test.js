// Files become examples in "Teach it": chosen or dropped, one by one or in a folder, in the size and colours of the network.

import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fixtureModel } from "./faults.js";
import { root } from "./helpers.js";
import { drag, scratch } from "./models.js";
import { openSite } from "./site.js";
import { openTeach } from "./teach-page.js";

/** @typedef {Awaited<ReturnType<typeof openTeach>>} Opened */

const site = openSite();

/** 24 x 16 pixels: upright bars, red, green, blue and grey. The second frame of the animation is black. */
const IMAGES = path.join(root, "crate", "tests", "images");
const BARS = ["palette.png", "lossy.webp", "lossless.webp", "two_frames.gif"];
/** The colours of the bars, and how bright the eye finds them. */
const COLOURS = [
  [220, 30, 30],
  [40, 200, 60],
  [30, 30, 220],
  [120, 120, 120],
];
const bright = COLOURS.map(([r = 0, g = 0, b = 0]) => 0.299 * r + 0.587 * g + 0.114 * b);

/**
 * A picture that the browser writes, as a file.
 * @param {Opened} opened
 * @param {string} file
 * @param {string} ground "" for none
 * @param {string} ink of the upper left quarter
 */
async function writePicture({ page }, file, ground, ink) {
  const type = file.endsWith(".png") ? "image/png" : "image/jpeg";
  const bytes = await page.evaluate(
    async ({ ground, ink, type }) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [56, 56];
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no canvas");
      if (ground !== "") {
        context.fillStyle = ground;
        context.fillRect(0, 0, 56, 56);
      }
      context.fillStyle = ink;
      context.fillRect(0, 0, 28, 28);
      /** @type {Blob | null} */
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 1));
      return Array.from(new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)));
    },
    { ground, ink, type },
  );
  await writeFile(file, Uint8Array.from(bytes));
}

/** An example as it is shown, 0 to 255. @param {Opened} opened @param {number} number from 1 on @param {number} [channel] */
const example = ({ visitor, button }, number, channel) =>
  visitor.pixels(button(`Remove example ${number}`).locator("canvas"), channel);

/** @param {Opened} opened @param {string} name @param {string | string[]} files */
const choose = async ({ place }, name, files) =>
  place.getByLabel(name, { exact: true }).setInputFiles(files);

/** @param {number | undefined} value @param {number | undefined} expected @param {string} what */
function near(value, expected, what) {
  assert.ok(
    Math.abs((value ?? NaN) - (expected ?? NaN)) <= 6,
    `${what}: ${value}, not ${expected}`,
  );
}

/** The bars of an example of 28 x 28. @param {number[]} pixels @param {number[]} values @param {string} what */
function hasBars(pixels, values, what) {
  assert.equal(pixels.length, 28 * 28);
  values.forEach((value, i) => near(pixels[14 * 28 + 7 * i + 3], value, `${what}, bar ${i}`));
  // Above and below them is what is in the corner.
  near(pixels[24], values[0], `${what}, above`);
}

test("pictures that are chosen become examples in grey, 28 x 28, as the network sees them", async (t) => {
  const opened = await openTeach(site, t);
  const folder = await scratch(t);
  const jpeg = path.join(folder, "quarter.jpg");
  const paper = path.join(folder, "paper.jpg");
  await writePicture(opened, jpeg, "#000", "#fff");
  await writePicture(opened, paper, "#fff", "#000");
  const bars = BARS.map((name) => path.join(IMAGES, name));
  await choose(opened, "Add pictures", [...bars, jpeg, paper]);
  await opened.hasExamples(6);
  for (const [i, name] of BARS.entries()) hasBars(await example(opened, i + 1), bright, name);
  // Ink on paper is turned into light on dark.
  for (const number of [5, 6]) {
    const quarter = await example(opened, number);
    near(quarter[7 * 28 + 7], 255, "the ink");
    near(quarter[7 * 28 + 21], 0, "beside it");
    near(quarter[21 * 28 + 7], 0, "below it");
  }
  // What is shown is what it learns from.
  const learned = await opened.learner.evaluate(({ status }) =>
    status.examples.map((one) => Array.from(one, (value) => (value + 1) * 127.5)),
  );
  hasBars(learned[3] ?? [], bright, "the animation");
  assert.deepEqual(opened.visitor.complaints, []);
});

test("ink on nothing is seen, whether it is dark or light", async (t) => {
  const opened = await openTeach(site, t);
  const folder = await scratch(t);
  for (const [i, ink] of ["#000", "#fff"].entries()) {
    const file = path.join(folder, `${i}.png`);
    await writePicture(opened, file, "", ink);
    await choose(opened, "Add pictures", file);
    await opened.hasExamples(i + 1);
    const quarter = await example(opened, i + 1);
    near(quarter[7 * 28 + 7], 255, `${ink} ink`);
    near(quarter[21 * 28 + 21], 0, `beside ${ink} ink`);
  }
});

test("a network in colour sees them in its colours and size", async (t) => {
  const opened = await openTeach(site, t, {
    instead: await fixtureModel("rgb", { folder: "cifar_style" }),
    more: "&model=rgb",
  });
  await choose(opened, "Add pictures", path.join(IMAGES, "two_frames.gif"));
  await opened.hasExamples(1);
  for (const channel of [0, 1, 2]) {
    const pixels = await example(opened, 1, channel);
    assert.equal(pixels.length, 32 * 32);
    COLOURS.forEach((colour, i) =>
      near(pixels[16 * 32 + 8 * i + 4], colour[channel], `channel ${channel}, bar ${i}`),
    );
  }
});

/** A folder with pictures, one of them in a folder of its own, and what is none. @param {import("node:test").TestContext} t */
async function folderOfPictures(t) {
  const folder = path.join(await scratch(t), "pictures");
  await mkdir(path.join(folder, "more"), { recursive: true });
  await copyFile(path.join(IMAGES, "palette.png"), path.join(folder, "a.png"));
  await copyFile(path.join(IMAGES, "two_frames.gif"), path.join(folder, "more", "b.gif"));
  await writeFile(path.join(folder, "notes.txt"), "no picture");
  return folder;
}

test("a folder that is chosen gives all its pictures", async (t) => {
  const opened = await openTeach(site, t);
  await choose(opened, "Add a folder of pictures", await folderOfPictures(t));
  await opened.hasExamples(2);
  for (const number of [1, 2]) hasBars(await example(opened, number), bright, `${number}`);
});

test("several pictures or a folder that are dropped on the figure are examples, and a damaged one is named", async (t) => {
  const opened = await openTeach(site, t);
  const { page, place } = opened;
  const pad = place.getByRole("application");
  /** @param {string[]} files */
  const dropOnPad = async (...files) => {
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    assert.ok(box !== null);
    const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await (await drag(page, files, point)).drop();
  };
  await dropOnPad(...BARS.map((name) => path.join(IMAGES, name)));
  await opened.hasExamples(4);
  await dropOnPad(await folderOfPictures(t));
  await opened.hasExamples(6);
  for (const number of [1, 6]) hasBars(await example(opened, number), bright, `${number}`);

  const folder = await scratch(t);
  await writeFile(path.join(folder, "half.png"), "no picture");
  await copyFile(path.join(IMAGES, "palette.png"), path.join(folder, "whole.png"));
  await dropOnPad(path.join(folder, "half.png"), path.join(folder, "whole.png"));
  await opened.hasExamples(7);
  await place.getByText(/^half\.png: This browser cannot read the file as an image/).waitFor();

  // One alone is drawn on the pad.
  await dropOnPad(path.join(IMAGES, "palette.png"));
  await place.getByRole("application", { name: /a drawing$/ }).waitFor();
  await opened.hasExamples(7);
  await opened.press("Add this drawing");
  await opened.hasExamples(8);
  // The pad leaves black around it.
  const drawn = await example(opened, 8);
  near(drawn[14 * 28 + 24], bright[3], "the grey bar, from the pad");
  near(drawn[24], 0, "above it");

  const nothing = path.join(await scratch(t), "nothing");
  await mkdir(nothing);
  await writeFile(path.join(nothing, "notes.txt"), "no picture");
  await dropOnPad(nothing);
  await place.getByText(/^There are no pictures in what was dropped here/).waitFor();
  assert.deepEqual(opened.visitor.complaints, []);
});
