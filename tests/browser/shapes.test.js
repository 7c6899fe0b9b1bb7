// Images that are not square, and images of four channels: what lies over a picture lies where it belongs, and what can be
// drawn and kept has all of its channels.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { root } from "./helpers.js";
import { imagesOf } from "./images.js";
import { changed, conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const site = openSite();

const STILL = /** @type {const} */ ({ reducedMotion: "reduce" });
const STATE = "?device=cpu#steps=10&at=0&repaint.resamplings=1";

/**
 * The page with a model whose images are twice as wide as high.
 * @param {import("node:test").TestContext} t
 */
async function wide(t) {
  const config = await readFile(path.join(conformance("plain"), "unet", "config.json"), "utf8");
  const folder = await changed(t, "plain", {
    "unet/config.json": JSON.stringify({ ...JSON.parse(config), sample_size: [16, 32] }),
  });
  const visitor = await site.visit(STATE, STILL);
  await drop(visitor.page, folder);
  await visitor.page.getByText(/images of 16 × 32/).waitFor();
  await visitor.revealed();
  return visitor;
}

/** The page with a model of four channels. */
async function ofFour() {
  const visitor = await site.visit(STATE, STILL);
  await drop(visitor.page, path.join(root, "tests", "conformance", "files", "four_channels"));
  await visitor.page.getByText(/images of 8 × 8 in 4 channels/).waitFor();
  await visitor.revealed();
  const choice = visitor.page.getByRole("group", { name: "Four channels, shown as" });
  return {
    visitor,
    /** Shows one channel, from 1, in grey. @param {number} channel */
    show: (channel) =>
      choice.getByRole("radio", { name: `channel ${channel} in grey`, exact: true }).check(),
  };
}

describe("where images are not square", () => {
  test("the mark of attention lies on the picture, over the place that is pointed at", async (t) => {
    const visitor = await wide(t);
    const section = await visitor.goTo("Inside the network");
    const picture = section.getByRole("img", { name: /^The picture, with the place that asks/ });
    await picture.waitFor();
    await openMore(section);
    const place = section.getByRole("slider", { name: "Place that asks" });
    const box = await picture.boundingBox();
    assert.ok(box !== null && Math.abs(box.width - box.height) < 1, "a square");
    // Four rows of eight, in the middle half of the square.
    for (const [row, column] of /** @type {const} */ ([
      [0, 0],
      [3, 7],
      [1, 2],
    ])) {
      const [across, down] = [(column + 0.5) / 8, 0.25 + (row + 0.5) / 8];
      await picture.hover({ position: { x: across * box.width, y: down * box.height } });
      await visitor.until(async () => (await place.inputValue()) === String(8 * row + column));
      const mark = await section.locator(".attention-mark").boundingBox();
      assert.ok(mark !== null);
      const middle = [mark.x + mark.width / 2 - box.x, mark.y + mark.height / 2 - box.y];
      const off = Math.hypot(
        (middle[0] ?? 0) - across * box.width,
        (middle[1] ?? 0) - down * box.height,
      );
      assert.ok(off < 2, `${off} pixels beside the place`);
      assert.ok(Math.abs(mark.width - box.width / 8) < 2, `${mark.width} pixels wide`);
    }
    await visitor.leave();
  });

  test("the pen is shown on the picture", async (t) => {
    const visitor = await wide(t);
    const section = await visitor.goTo("Finish a scribble");
    const pad = section.getByRole("application", { name: /^Your drawing/ });
    await pad.focus();
    for (let i = 0; i < 20; i++) await pad.press("ArrowUp");
    const [mark, box] = [await section.locator(".tool").boundingBox(), await pad.boundingBox()];
    assert.ok(mark !== null && box !== null);
    assert.ok(Math.abs(mark.y - (box.y + box.height / 4)) < 1, "the first row of the picture");
    await visitor.leave();
  });

  test("the strip of a walk shows them as they are", async (t) => {
    const visitor = await wide(t);
    await visitor.toEnd.click();
    await visitor.until(async () => (await visitor.play.textContent()) === "Play again");
    const seen = await visitor.page.locator("#walk-back .strip canvas").evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
      const { width, height } = canvas;
      const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
      /** @type {number[]} */
      const rows = [];
      for (let i = 3; i < data.length; i += 4) {
        if (data[i] === 255) rows.push(Math.floor(i / 4 / width));
      }
      return { squares: width / height, first: Math.min(...rows), last: Math.max(...rows) };
    });
    assert.deepEqual(seen, { squares: 12, first: 8, last: 23 });
    await visitor.leave();
  });
});

describe("of four channels", () => {
  test("a gap is filled, and what is kept is kept in each of them", async () => {
    const { visitor, show } = await ofFour();
    const section = await visitor.goTo("Fill a gap");
    const filled = section.getByRole("img", { name: /^Four ways to fill the gap/ });
    await filled.waitFor({ timeout: 120_000 });
    const given = section.getByRole("img", { name: /^An image that the model drew/ });
    /** @type {Set<string>} */
    const planes = new Set();
    for (const channel of [1, 2, 3, 4]) {
      await show(channel);
      const image = await visitor.pixels(given);
      for (const other of imagesOf(await visitor.pixels(filled), {
        columns: 2,
        rows: 2,
        side: 8,
      })) {
        // The left half; in bytes, of which the last may be rounded the other way.
        other.forEach((value, i) => {
          if (i % 8 < 4) assert.ok(Math.abs(value - (image[i] ?? NaN)) <= 1, `${channel}: ${i}`);
        });
      }
      planes.add((await visitor.pixels(filled)).join());
    }
    assert.equal(planes.size, 4, "each channel by itself");
    await visitor.leave();
  });

  test("what is drawn is there in the colour of the pen, and beside it nothing is", async () => {
    const { visitor } = await ofFour();
    const { page } = visitor;
    const section = await visitor.goTo("Finish a scribble");
    const pad = section.getByRole("application", { name: /^Your drawing/ });
    /** The colour in the middle of a pixel of the image. @param {number} row @param {number} column */
    const colour = (row, column) =>
      pad.evaluate(
        (canvas, [x = 0, y = 0]) => {
          if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
          const data = canvas.getContext("2d")?.getImageData(10 * x + 5, 10 * y + 5, 1, 1).data;
          return [...(data ?? [])].slice(0, 3);
        },
        [column, row],
      );
    await section.getByLabel("Pen", { exact: true }).fill("#e02010");
    const box = await pad.boundingBox();
    assert.ok(box !== null);
    await pad.click({ position: { x: (4.5 / 8) * box.width, y: (4.5 / 8) * box.height } });
    assert.deepEqual(await colour(4, 4), [0xe0, 0x20, 0x10]);
    assert.deepEqual(
      [await colour(0, 0), await colour(0, 7)],
      [Array(3).fill(102), Array(3).fill(153)],
    );
    // In the walk, too: without noise the image is the drawing, opaque where there is ink.
    await section.getByRole("slider", { name: "Noise up to t" }).press("Home");
    const noised = section.getByRole("img", { name: "The drawing noised to t = 0" });
    await noised.waitFor();
    const [red, green] = [await visitor.pixels(noised, 0), await visitor.pixels(noised, 1)];
    assert.ok((red[4 * 8 + 4] ?? 0) > 190 && (green[4 * 8 + 4] ?? 255) < 60, "the pen's colour");
    assert.ok(Math.abs((red[0] ?? 0) - 102) < 12 && Math.abs((red[7] ?? 0) - 153) < 12, "nothing");
    await visitor.until(async () => page.url().includes("scribble.drawing="));
    await visitor.leave();
  });

  test("another view of them shows all that is painted in it", async () => {
    const { visitor, show } = await ofFour();
    const strip = visitor.page.locator("#walk-back .strip canvas");
    const before = await visitor.pixels(strip, 0);
    await show(2);
    const after = await visitor.pixels(strip, 0);
    assert.notDeepEqual(after, before);
    assert.deepEqual(await visitor.pixels(strip, 2), after, "grey");
    await visitor.leave();
  });
});
