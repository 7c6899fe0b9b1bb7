// What can be taken along: files of the walk and of the wall, and the link. On the CPU path.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { largestDifference, readSafetensors } from "./helpers.js";
import { imagesOf } from "./images.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

/**
 * The blocks of a GIF file.
 * @param {Buffer} file
 */
function readGif(file) {
  assert.equal(file.toString("latin1", 0, 6), "GIF89a");
  const [width, height] = [file.readUInt16LE(6), file.readUInt16LE(8)];
  const flags = file.readUInt8(10);
  /** @param {number} bits */
  const colours = (bits) => ((bits & 0x80) === 0 ? 0 : 3 * 2 ** ((bits & 7) + 1));
  let at = 13 + colours(flags);
  /** @type {{ width: number, height: number, centiseconds: number }[]} */
  const frames = [];
  let centiseconds = 0;
  const skipBlocks = () => {
    while (file.readUInt8(at) !== 0) at += 1 + file.readUInt8(at);
    at += 1;
  };
  for (;;) {
    const kind = file.readUInt8(at);
    if (kind === 0x3b) break;
    if (kind === 0x21) {
      if (file.readUInt8(at + 1) === 0xf9) centiseconds = file.readUInt16LE(at + 4);
      at += 2;
    } else {
      assert.equal(kind, 0x2c, `block ${kind} at ${at}`);
      const size = { width: file.readUInt16LE(at + 5), height: file.readUInt16LE(at + 7) };
      frames.push({ ...size, centiseconds });
      at += 11 + colours(file.readUInt8(at + 9));
    }
    skipBlocks();
  }
  assert.equal(at, file.length - 1, "nothing stands behind the end");
  return { width, height, frames };
}

describe("take it with you", () => {
  test("the files hold what the figures show", async () => {
    const visitor = await site.visit(`?device=cpu#steps=10&seed=5&wall.steps=2`);
    const { page } = visitor;
    await visitor.reaches(10);
    const xt = await visitor.pixels(visitor.xt);
    const x0 = await visitor.pixels(visitor.x0);
    const wallSection = await visitor.goTo("A wall of digits");
    await wallSection.getByText("Done: a hundred images").waitFor({ timeout: 120_000 });
    const wall = await visitor.pixels(wallSection.getByRole("img"));
    const section = await visitor.goTo("Take it with you");
    await openMore(section);
    await section.getByRole("radio", { name: "small" }).check();

    /** @param {string} name */
    const take = async (name) => {
      const coming = page.waitForEvent("download");
      await section.getByRole("button", { name }).click();
      const download = await coming;
      const file = await readFile(await download.path());
      return { file, name: download.suggestedFilename() };
    };
    /**
     * The grey values that the browser decodes a frame to, each pixel once.
     * @param {Buffer} file
     * @param {string} type
     * @param {number} frame
     * @param {number} scale
     */
    const decode = (file, type, frame, scale) =>
      page.evaluate(
        async ([base64, type, frame, scale]) => {
          const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
          const decoder = new /** @type {any} */ (window).ImageDecoder({ data, type });
          await decoder.tracks.ready;
          const { image } = await decoder.decode({ frameIndex: frame });
          const canvas = document.createElement("canvas");
          canvas.width = image.displayWidth;
          canvas.height = image.displayHeight;
          const context = canvas.getContext("2d");
          if (context === null) throw new Error("no context");
          context.drawImage(image, 0, 0);
          image.close();
          const { data: rgba } = context.getImageData(0, 0, canvas.width, canvas.height);
          /** @type {number[]} */
          const grey = [];
          for (let y = 0; y < canvas.height; y += scale) {
            for (let x = 0; x < canvas.width; x += scale) {
              grey.push(rgba[4 * (y * canvas.width + x)] ?? NaN);
            }
          }
          return grey;
        },
        /** @type {const} */ ([file.toString("base64"), type, frame, scale]),
      );

    // A picture of the frame, at four pixels a pixel.
    const png = await take("PNG of this frame");
    assert.equal(png.name, "walkback-3-seed-5-image.png");
    assert.deepEqual([png.file.readUInt32BE(16), png.file.readUInt32BE(20)], [112, 112]);
    assert.deepEqual(await decode(png.file, "image/png", 0, 4), xt);

    // The walk: noise and ten steps, the last of them for long.
    const gif = await take("GIF of the walk");
    assert.equal(gif.name, "walkback-3-seed-5.gif");
    const walked = readGif(gif.file);
    assert.equal(walked.frames.length, 11);
    assert.deepEqual([walked.width, walked.height], [112, 112]);
    for (const { width, height } of walked.frames) assert.deepEqual([width, height], [112, 112]);
    assert.equal(walked.frames[0]?.centiseconds, 4);
    assert.equal(walked.frames.at(-1)?.centiseconds, 150);
    assert.ok(largestDifference(await decode(gif.file, "image/gif", 10, 4), xt) <= 1);

    await section.getByRole("switch", { name: "The guess beside the walk in its GIF" }).check();
    const pair = readGif((await take("GIF of the walk")).file);
    assert.deepEqual([pair.frames.length, pair.width, pair.height], [11, 226, 112]);

    // The numbers behind them.
    const tensors = await take("Tensors of the walk");
    assert.equal(tensors.name, "walkback-3-seed-5.safetensors");
    const found = readSafetensors(tensors.file);
    /** @param {string} name */
    const tensor = (name) => found.get(name) ?? assert.fail(`there is no ${name}`);
    assert.deepEqual([...found.keys()].sort(), ["eps", "timesteps", "x_0", "x_t"]);
    assert.deepEqual(tensor("x_t").shape, [11, 1, 28, 28]);
    assert.deepEqual(tensor("x_0").shape, [10, 1, 28, 28]);
    assert.deepEqual(tensor("eps").shape, [10, 1, 28, 28]);
    assert.deepEqual(tensor("timesteps").values, [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]);
    /** @param {string} name @param {number} at */
    const bytes = (name, at) =>
      Array.from(
        new Uint8ClampedArray(
          tensor(name)
            .values.slice(784 * at, 784 * (at + 1))
            .map((value) => (value + 1) * 127.5),
        ),
      );
    assert.deepEqual(bytes("x_t", 10), xt, "the last state is the image shown");
    assert.deepEqual(bytes("x_0", 9), x0, "the last guess is the guess shown");
    const frame4 = await decode(gif.file, "image/gif", 4, 4);
    assert.ok(largestDifference(bytes("x_t", 4), frame4) <= 1, "frame 4 of the GIF is x_t 4");

    // The wall: noise and two steps of a hundred images.
    const wallGif = await take("GIF of the wall");
    assert.equal(wallGif.name, "walkback-wall-seed-1.gif");
    const walls = readGif(wallGif.file);
    assert.deepEqual([walls.frames.length, walls.width, walls.height], [3, 298, 298]);
    const last = await decode(wallGif.file, "image/gif", 2, 1);
    const wallPng = await take("PNG of the wall");
    assert.deepEqual(
      await decode(wallPng.file, "image/png", 0, 1),
      last,
      "the wall's PNG is the last frame of its GIF",
    );
    // In the page the gap is one pixel wide, in the files two.
    const grid = { columns: 10, rows: 10 };
    assert.deepEqual(imagesOf(last, { ...grid, gap: 2 }), imagesOf(wall, { ...grid, gap: 1 }));
    await visitor.leave();
  });

  test("the link shows the same image again", async () => {
    const context = { permissions: ["clipboard-read", "clipboard-write"] };
    const visitor = await site.visit(`?device=cpu#steps=10`, context);
    await visitor.digit("7").check();
    await visitor.until(async () => (await visitor.position()).position < 10);
    await visitor.reaches(10);
    const image = await visitor.pixels(visitor.xt);
    const section = await visitor.goTo("Take it with you");
    await section.getByRole("button", { name: "Copy the link" }).click();
    await section.getByText("Link copied.").waitFor();
    const link = await visitor.page.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /label=7/);
    assert.equal(
      await section
        .getByRole("textbox", { name: /^A link to this page with its settings/ })
        .inputValue(),
      link,
    );
    await visitor.leave();

    const other = await site.visit(link);
    await other.reaches(10);
    assert.deepEqual(await other.pixels(other.xt), image);
    await other.leave();
  });
});

test("a walk and a wall that stand at their start are taken whole", async () => {
  const visitor = await site.visit("?device=cpu#steps=10&at=0&wall.steps=2", {
    reducedMotion: "reduce",
  });
  const wall = await visitor.goTo("A wall of digits");
  await wall.getByRole("img", { name: /noisy, at t = / }).waitFor();
  const section = await visitor.goTo("Take it with you");
  await section.getByText(/1 of 10 steps walked so far, the rest first/).waitFor();
  for (const [name, frames] of /** @type {const} */ ([
    ["GIF of the walk", 11],
    ["GIF of the wall", 3],
  ])) {
    const coming = visitor.page.waitForEvent("download");
    await section.getByRole("button", { name }).click();
    await section.getByRole("progressbar", { name: "Walking to the end" }).waitFor();
    const file = await readFile(await (await coming).path());
    assert.equal(readGif(file).frames.length, frames, name);
  }
  // What is shown has not moved.
  assert.equal((await visitor.position()).position, 0);
  await visitor.leave();
});
