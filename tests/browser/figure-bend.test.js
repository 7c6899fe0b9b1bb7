// Bend it: a scribble finished, a gap filled, the way between two noises. On the CPU path.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { largestDifference } from "./helpers.js";
import { imagesOf, meanDifference } from "./images.js";
import { changed, conformance, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

/** @typedef {import("playwright-core").Locator} Locator */

const site = openSite();

/** @param {string} state behind the # */
const visit = (state) => site.visit(`?device=cpu#${state}`);

const SIDE = 28;

/** The four images of a grid of two by two. @param {number[]} pixels */
const four = (pixels) => imagesOf(pixels, { columns: 2, rows: 2 });

/**
 * Waits for something of an instrument with the instrument in sight, wherever figures above push it.
 * @param {import("./visitor.js").Visitor} visitor
 * @param {Locator} section
 * @param {Locator} thing
 */
async function see(visitor, section, thing) {
  await visitor.until(async () => {
    await section.locator("[data-figure]").scrollIntoViewIfNeeded();
    return thing.isVisible();
  }, 120_000);
}

/**
 * Moves the mouse over a picture with its button down, points given as shares of its sides.
 * @param {Locator} picture
 * @param {[number, number][]} points
 */
async function drag(picture, points) {
  await picture.scrollIntoViewIfNeeded();
  const box = await picture.boundingBox();
  assert.ok(box !== null);
  const { mouse } = picture.page();
  for (const [i, [x, y]] of points.entries()) {
    await mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 5 });
    if (i === 0) await mouse.down();
  }
  await mouse.up();
}

describe("bend it", () => {
  test("keeps a scribble through little noise, and leaves it through much", async () => {
    const visitor = await visit("steps=10&scribble.t=100");
    const section = await visitor.goTo("Finish a scribble");
    const pad = section.getByRole("application", { name: /^Your drawing/ });
    await section.getByRole("button", { name: "Clear" }).click();
    await drag(pad, [
      [0.3, 0.25],
      [0.7, 0.25],
      [0.45, 0.85],
    ]);
    const slider = section.getByRole("slider", { name: "Noise up to t" });
    const answers = section.getByRole("img", { name: /^Four walks/ });
    /** @param {number} t */
    const differenceAt = async (t) => {
      const name = `Four walks to 2 from your drawing at t = ${t}`;
      await section.getByRole("img", { name: `The drawing noised to t = ${t}` }).waitFor();
      await see(visitor, section, section.getByRole("img", { name, exact: true }));
      const text = await section.getByText(/^four answers/).textContent();
      return Number(/[\d.]+$/.exec(text ?? "")?.[0]);
    };
    const little = await differenceAt(100);
    const littleImages = four(await visitor.pixels(answers));
    await slider.press("End");
    const much = await differenceAt(999);
    const muchImages = four(await visitor.pixels(answers));
    await slider.press("Home");
    const none = await differenceAt(0);
    assert.ok(none < 0.01, `without noise the drawing stays: ${none}`);
    assert.ok(little < 0.5 * much, `${little} at t = 100, ${much} at t = 999`);
    /** @param {number[][]} images */
    const spread = (images) =>
      images.reduce((sum, image) => sum + meanDifference(image, images[0] ?? []), 0);
    assert.ok(spread(littleImages) < spread(muchImages), "much noise has many answers");

    // The link carries the drawing and its noise, to the pixel.
    await visitor.until(async () => visitor.page.url().includes("scribble.t=0"));
    const other = await visit(new URL(visitor.page.url()).hash.slice(1));
    const there = await other.goTo("Finish a scribble");
    const name = "The drawing noised to t = 0";
    await there.getByRole("img", { name }).waitFor();
    assert.deepEqual(
      await other.pixels(there.getByRole("img", { name })),
      await visitor.pixels(section.getByRole("img", { name })),
    );
    await other.leave();
    await visitor.leave();
  });

  test("fills a gap and keeps the rest exactly", async () => {
    const visitor = await visit("steps=10&repaint.resamplings=1&repaint.digit=31");
    const section = await visitor.goTo("Fill a gap");
    const digit = await visitor.page.evaluate(async () => {
      const address = new URL("web/client/digits.js", location.href).href;
      const { loadDigits } = await import(address);
      const [, ...digits] = (await loadDigits()).images.slice(30);
      return Array.from(digits[0], (/** @type {number} */ value) =>
        Math.round((value + 1) * 127.5),
      );
    });
    const filled = section.getByRole("img", { name: /^Four ways to fill the gap in the 3$/ });
    await see(visitor, section, filled);

    /** @param {(i: number) => boolean} keeps */
    const check = async (keeps) => {
      const images = four(await visitor.pixels(filled));
      for (const image of images) {
        const kept = image.filter((_, i) => keeps(i));
        assert.deepEqual(
          kept,
          digit.filter((_, i) => keeps(i)),
        );
      }
      return images;
    };
    const halves = await check((i) => i % SIDE < SIDE / 2);
    assert.equal(new Set(halves.map((image) => image.join())).size, 4, "four different fillings");

    // With the mouse: first nothing is rubbed out, then a stroke across the middle.
    await section.getByRole("button", { name: "Nothing" }).click();
    await section.getByRole("application", { name: "A real 3, 0 % of it erased" }).waitFor();
    await section.getByText(/^walking/).waitFor();
    await see(visitor, section, filled);
    await check(() => true);
    await drag(section.getByRole("application", { name: /^A real 3/ }), [
      [0.2, 0.5],
      [0.8, 0.5],
    ]);
    await section.getByText(/^walking/).waitFor();
    await see(visitor, section, filled);
    await visitor.until(async () => /repaint\.mask=[0-9a-f]{49}/.test(visitor.page.url()));
    const mask = /repaint\.mask=([0-9a-f]{49})/.exec(visitor.page.url())?.[1] ?? "";
    /** @param {number} i */
    const keeps = (i) => {
      const cell = (SIDE / 2) * Math.floor(i / SIDE / 2) + Math.floor((i % SIDE) / 2);
      return ((parseInt(mask[cell >> 2] ?? "", 16) >> (cell & 3)) & 1) === 1;
    };
    const rubbed = digit.filter((_, i) => !keeps(i)).length;
    assert.ok(rubbed > 50 && rubbed < 300, `${rubbed} pixels are rubbed out`);
    const stroked = await check(keeps);
    assert.ok(
      stroked.every((image) => image.join() !== digit.join()),
      "the rest is drawn again",
    );
    await visitor.leave();
  });

  for (const [share, seed] of /** @type {const} */ ([
    [0, 3],
    [1, 4],
  ])) {
    test(`at ${100 * share} % of the way is the image of seed ${seed} alone`, async () => {
      const visitor = await visit(
        `label=any&sampler=ddim&spacing=trailing&steps=20&speed=max&seed=${seed}` +
          `&between.from=3&between.to=4&between.share=${share}`,
      );
      await visitor.reaches(20);
      const alone = await visitor.pixels(visitor.xt);
      const section = await visitor.goTo("Between two noises");
      const name = `${100 * share} % of the way`;
      const tile = section.getByRole("img", { name: `The image at ${name}`, exact: true });
      await see(visitor, section, tile);
      assert.ok(largestDifference(await visitor.pixels(tile), alone) <= 1);

      const strip = section.getByRole("list", { name: "Images between two noises" });
      const end = strip.getByRole("img", { name, exact: true });
      await see(visitor, section, end);
      assert.ok(largestDifference(await visitor.pixels(end), alone) <= 2);
      const middle = strip.getByRole("img", { name: "50 % of the way", exact: true });
      assert.ok(meanDifference(await visitor.pixels(middle), alone) > 5, "on the way it changes");
      await visitor.leave();
    });
  }
});

test("a mask of another size is refused, and the page says so", async () => {
  const visitor = await visit("steps=10&repaint.mask=ff&repaint.resamplings=4");
  const section = await visitor.goTo("Fill a gap");
  await section.getByRole("application", { name: "A real 3, 50 % of it erased" }).waitFor();
  const notice = (await visitor.page.getByText(/in this link is not valid/).textContent()) ?? "";
  assert.match(notice, /repaint\.mask = ff… in this link is not valid; using the right half/);
  assert.match(notice, /repaint\.resamplings = 4 in this link is not valid; using 3\./);
  await openMore(section);
  const visits = section.getByRole("slider", { name: "Visits to each t" });
  assert.equal(await visits.getAttribute("aria-valuetext"), "3 times");
  await visitor.leave();
});

test("by keyboard the pen is seen, said where it is, and draws where it is down", async () => {
  const visitor = await visit("steps=10&scribble.t=100");
  const section = await visitor.goTo("Finish a scribble");
  await section.getByRole("button", { name: "Clear" }).press("Enter");
  const pad = section.getByRole("application", { name: /^Your drawing/ });
  assert.match((await pad.getAttribute("aria-label")) ?? "", /nothing drawn yet/);
  await pad.focus();
  await pad.press("ArrowRight");
  /** @param {string} text */
  const says = (text) => section.getByRole("status").getByText(text, { exact: true }).waitFor();
  await says("The pen is up, row 15 of 28, column 16 of 28");
  const mark = section.locator(".tool");
  await mark.waitFor();
  const [dot, box] = [await mark.boundingBox(), await pad.boundingBox()];
  assert.ok(dot !== null && box !== null);
  const share = (dot.x + dot.width / 2 - box.x) / box.width;
  assert.ok(Math.abs(share - 15.5 / 28) < 0.01, `the mark is at ${share} of the width`);
  const blank = await visitor.pixels(pad);
  assert.ok(
    blank.every((value) => value === 0),
    "the mark is no part of the drawing",
  );

  await pad.press("Space");
  await pad.press("ArrowDown");
  await says("The pen is down, row 16 of 28, column 16 of 28");
  assert.match((await pad.getAttribute("aria-label")) ?? "", /a drawing$/);
  const pixels = await visitor.pixels(pad);
  assert.equal(pixels[155 * 280 + 155], 255, "ink where the pen went");
  assert.equal(pixels[155 * 280 + 55], 0, "and nowhere else");
  assert.deepEqual(await violations(visitor.page, section), []);
  await visitor.leave();
});

test("an image that is dropped beside a pad goes to the nearest", async () => {
  const visitor = await visit("steps=10&at=0");
  const section = await visitor.goTo("Finish a scribble");
  const heading = section.getByRole("heading", { name: "Finish a scribble" });
  await heading.evaluate(async (target) => {
    const canvas = new OffscreenCanvas(60, 40);
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("no context");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, 60, 40);
    context.fillStyle = "#222";
    context.fillRect(10, 6, 5, 28);
    const data = new DataTransfer();
    const blob = await canvas.convertToBlob();
    data.items.add(new File([blob], "stroke.png", { type: blob.type }));
    const { left: clientX, top: clientY } = target.getBoundingClientRect();
    const options = { dataTransfer: data, bubbles: true, cancelable: true, clientX, clientY };
    target.dispatchEvent(new DragEvent("drop", options));
  });
  const look = section.getByRole("group", { name: "Photo" });
  await look.waitFor();
  assert.equal(await visitor.page.getByText(/No model/).count(), 0);
  await look.getByRole("button", { name: "Use it" }).click();
  await visitor.until(async () => visitor.page.url().includes("scribble.drawing="));
  await visitor.leave();
});

test("a gap is filled in images of another size, in colour, and not square", async (t) => {
  const visitor = await visit("steps=10&at=0&repaint.resamplings=1");
  const config = JSON.parse(
    await readFile(path.join(conformance("plain"), "unet", "config.json"), "utf8"),
  );
  const folder = await changed(t, "plain", {
    "unet/config.json": JSON.stringify({ ...config, sample_size: [16, 32] }),
  });
  await drop(visitor.page, folder);
  await visitor.page.getByText(/It comes from your files/).waitFor();
  const section = await visitor.goTo("Fill a gap");
  const painter = section.getByRole("application", { name: /% of it erased/ });
  await painter.waitFor({ timeout: 120_000 });
  await section.getByRole("img", { name: /^Four ways to fill the gap/ }).waitFor();
  // The picture is twice as wide as high, in a square: what is pointed at is what is erased.
  await section.getByRole("button", { name: "Nothing" }).click();
  await drag(painter, [
    [0.05, 0.3],
    [0.05, 0.3],
  ]);
  const erased = () => {
    const mask = new URL(visitor.page.url()).hash.match(/repaint\.mask=([0-9a-f]+)/)?.[1] ?? "";
    return [...mask].flatMap((digit, i) =>
      [0, 1, 2, 3].flatMap((bit) => ((parseInt(digit, 16) >> bit) & 1 ? [] : [4 * i + bit])),
    );
  };
  // The button's mask may come before the stroke's, and nothing is erased in it.
  await visitor.until(async () => erased().length > 0);
  // 8 rows of 16 cells: the stroke is at the left edge of the first rows, which begin at a quarter of the square.
  for (const cell of erased()) {
    assert.ok(cell % 16 <= 3, `column ${cell % 16}`);
    assert.ok(cell / 16 < 3, `row ${Math.floor(cell / 16)}`);
  }
  await visitor.leave();
});

test("a model of colours is drawn for with pens in colour, and a link carries them", async () => {
  const visitor = await visit("steps=10&at=0");
  const { page } = visitor;
  await drop(page, conformance("cifar_style"));
  await page.getByText(/It comes from your files/).waitFor();
  const section = await visitor.goTo("Finish a scribble");
  const pad = section.getByRole("application", { name: /^Your drawing/ });
  await section.getByLabel("Pen", { exact: true }).fill("#e02010");
  await drag(pad, [
    [0.2, 0.5],
    [0.8, 0.5],
  ]);
  /** The colour in the middle of the pad. */
  const middle = () =>
    pad.evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
      const { width, height } = canvas;
      const context = canvas.getContext("2d");
      return [...(context?.getImageData(width / 2, height / 2, 1, 1).data ?? [])].slice(0, 3);
    });
  assert.deepEqual(await middle(), [0xe0, 0x20, 0x10]);
  await visitor.until(async () => page.url().includes("scribble.drawing="));
  // Another change, and the link's drawing again.
  const link = new URL(page.url()).hash;
  await section.getByRole("button", { name: "Clear" }).click();
  assert.deepEqual(await middle(), [0, 0, 0]);
  await visitor.until(async () => new URL(page.url()).hash !== link);
  await page.evaluate((hash) => (location.hash = hash), link);
  await visitor.until(async () => (await middle())[0] === 0xe0);
  await visitor.leave();
});
