// Inside the network: what is shown is what this evaluation computed.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { difference } from "./images.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const HEADING = "Inside the network";

const site = openSite();

/** One visit for all tests but the last. @type {Awaited<ReturnType<typeof open>>} */
let once;

before(async () => {
  once = await open();
});

/** @param {string} [hash] @param {import("playwright-core").BrowserContextOptions} [options] */
async function open(hash = "", options = {}) {
  const visitor = await site.visit(`?device=cpu${hash}`, options);
  const section = await visitor.goTo(HEADING);
  const slider = section.getByRole("slider", { name: "Time t" });
  const picture = section.getByRole("img", { name: /^The input/ });
  const answer = section.getByRole("img", { name: /^The answer comes out/ });
  /** Once the evaluation at t is shown. @param {number} t */
  const looked = async (t) => {
    const name = new RegExp(`^The answer comes out: .* at t = ${t}$`);
    await section.getByRole("img", { name }).waitFor();
  };
  return { visitor, section, slider, picture, answer, looked };
}

/** Red minus blue of every pixel: positive where the value is. @param {import("playwright-core").Locator} canvas */
const signs = async (canvas) =>
  difference(await once.visitor.pixels(canvas, 0), await once.visitor.pixels(canvas, 2));

describe("inside the network", () => {
  test("marks in the time embedding the t that the network is told", async () => {
    const { visitor, section, slider, looked } = once;
    await looked(400);
    for (const [key, t] of /** @type {const} */ ([
      ["", 400],
      ["Home", 0],
      ["End", 999],
    ])) {
      if (key !== "") await slider.press(key);
      const map = section.getByRole("img", { name: new RegExp(`t = ${t} is marked$`) });
      const [box, mark] = [
        await map.boundingBox(),
        await section.locator(".embedding .heat-mark").boundingBox(),
      ];
      assert.ok(box !== null && mark !== null);
      const at = ((mark.x + mark.width / 2 - box.x) / box.width) * 1000;
      assert.ok(Math.abs(at - t) < 5, `the mark of ${t} is at ${at}`);
      // The first values of the row are cosines, by the formula beside the figure.
      const plot = section.getByRole("img", { name: /^What the network sees of t/ });
      const said = (await plot.getAttribute("aria-label")) ?? "";
      const cosines = [0, 1, 2, 3].map((i) => Math.cos(t * 10000 ** (-i / 16)).toFixed(2));
      assert.ok(said.includes(`t = ${t}: ${cosines.join(", ")},`), `${said}, not ${cosines}`);
      const column = await signs(map);
      const value = column[1 * 1000 + t] ?? NaN;
      assert.equal(Math.sign(value), Math.sign(Number(cosines[1])), `${value}`);
    }
    const map = section.getByRole("img", { name: /is marked$/ });
    const box = await map.boundingBox();
    assert.ok(box !== null);
    await map.click({ position: { x: 0.25 * box.width, y: 10 } });
    const t = Number(await slider.inputValue());
    assert.ok(Math.abs(t - 250) < 5, `pointing goes there: ${t}`);
    await visitor.until(async () => (await slider.inputValue()) === String(t));
  });

  test("shows the U down to the bottom and up to the network's answer", async () => {
    const { visitor, section, slider, answer, looked } = once;
    await slider.fill("400");
    await looked(400);
    const u = section.getByRole("list", { name: /^The U/ });
    const sizes = await u.getByRole("listitem").allInnerTexts();
    assert.deepEqual(
      sizes.map((text) => text.match(/\d+ × \d+ × \d+/)?.[0]),
      [
        ...["32 × 28 × 28", "32 × 14 × 14", "64 × 7 × 7", "96 × 7 × 7", "96 × 7 × 7"],
        ...["96 × 14 × 14", "64 × 28 × 28", "32 × 28 × 28", "1 × 28 × 28"],
      ],
    );
    const shown = await signs(answer);
    // The same question by another way.
    const expected = await visitor.page.evaluate(async (base) => {
      const { Engine } = await import(`${base}web/client/engine.js`);
      const { Arithmetic } = await import(`${base}web/client/arithmetic.js`);
      const { loadDigits } = await import(`${base}web/client/digits.js`);
      const engine = new Engine(() => {});
      const { schedule } = await engine.load({ model: "mnist", device: "cpu" });
      const arithmetic = new Arithmetic();
      const x0 = (await loadDigits()).images[30];
      const eps = await arithmetic.noise({ seed: 1, draws: 1, size: x0.length });
      const alphaCumprod = schedule.alphasCumprod[400];
      const x = await arithmetic.addNoise({ x0, eps, alphaCumprod });
      const labels = Uint32Array.of(3);
      return Array.from(await engine.predict({ xt: x, count: 1, timestep: 400, labels }));
    }, site.url);
    const clear = shown.flatMap((value, i) => (Math.abs(value) > 20 ? [i] : []));
    assert.ok(clear.length > 400, `${clear.length} pixels are clearly blue or orange`);
    for (const i of clear) assert.equal(Math.sign(shown[i] ?? 0), Math.sign(Number(expected[i])));
  });

  test("shows where the bottom's attention goes, all of it", async () => {
    const { visitor, section, slider, looked } = once;
    await slider.fill("100");
    await looked(100);
    await openMore(section);
    const place = section.getByRole("slider", { name: "Place that asks" });
    const heat = section.getByRole("img", { name: /^Where row/ });
    /** @param {string} name */
    const reads = async (name) => parseFloat(await visitor.reads(name, section));
    /** @type {Set<string>} */
    const seen = new Set();
    for (const at of [0, 24, 48]) {
      await place.fill(String(at));
      const said = (await heat.getAttribute("aria-label")) ?? "";
      assert.match(
        said,
        new RegExp(`^Where row ${Math.floor(at / 7) + 1}, column ${(at % 7) + 1} `),
      );
      assert.equal(await reads("sum of all shares"), 100);
      assert.ok((await reads("largest share")) > 100 / 49, "not all places are alike");
      const [, row, column] = said.match(/most at row (\d), column (\d)/) ?? [];
      const pixels = await visitor.pixels(heat);
      assert.equal(pixels.length, 49);
      assert.equal(pixels[(Number(row) - 1) * 7 + Number(column) - 1], 255);
      seen.add(pixels.join());
    }
    assert.equal(seen.size, 3, "every place looks in its own way");
    const picture = section.getByRole("img", { name: /^The picture, with the place/ });
    const box = await picture.boundingBox();
    assert.ok(box !== null);
    await picture.hover({ position: { x: (2.5 / 7) * box.width, y: (4.5 / 7) * box.height } });
    assert.equal(await place.inputValue(), "30");
  });

  test("tells another t about a picture that is held", async () => {
    const { visitor, section, slider, picture, answer, looked } = once;
    await slider.fill("200");
    await looked(200);
    const held = await visitor.pixels(picture);
    const before = await signs(answer);
    await section.getByRole("switch", { name: "Hold the picture" }).check();
    await slider.fill("800");
    await looked(800);
    assert.deepEqual(await visitor.pixels(picture), held);
    assert.notDeepEqual(await signs(answer), before);
    await section.getByRole("switch", { name: "Hold the picture" }).uncheck();
    await visitor.until(
      async () => JSON.stringify(await visitor.pixels(picture)) !== JSON.stringify(held),
    );
  });

  test("looks on while a walk goes by", async () => {
    const { visitor, section, slider, looked } = once;
    await slider.fill("100");
    await looked(100);
    // It begins at the top, above the 100 of before, and goes down. It is stopped in the page itself: a test that asks
    // from outside may ask too late.
    const stop = slider.evaluate(
      (input) =>
        new Promise((resolve) => {
          const watch = () => {
            const t = Number(/** @type {HTMLInputElement} */ (input).value);
            const button = [...document.querySelectorAll("button")].find(
              ({ textContent }) => textContent?.trim() === "Stop the walk",
            );
            if (t <= 100 || t >= 950 || button === undefined) return requestAnimationFrame(watch);
            button.click();
            resolve(t);
          };
          watch();
        }),
    );
    await section.getByRole("button", { name: "Watch a walk" }).click();
    await stop;
    await visitor.page.waitForTimeout(300);
    const stopped = await slider.inputValue();
    await visitor.page.waitForTimeout(400);
    assert.equal(await slider.inputValue(), stopped);
    assert.ok(Number(stopped) < 950);
    await looked(Number(stopped));
    await slider.fill("120");
    await looked(120);
  });

  test("holds the picture at the time that a walk was left at", async () => {
    const { visitor, section, slider, looked } = once;
    await slider.fill("990");
    await looked(990);
    await section.getByRole("button", { name: "Watch a walk" }).click();
    await visitor.until(async () => Number(await slider.inputValue()) < 900);
    await section.getByRole("button", { name: "Stop the walk" }).click();
    await visitor.page.waitForTimeout(300);
    const t = await slider.inputValue();
    const hold = section.getByRole("switch", { name: "Hold the picture" });
    await hold.check();
    const name = `The input: a real 3, noised to t = ${t}, with t = ${t}`;
    await section.getByRole("img", { name, exact: true }).waitFor();
    await visitor.until(async () => visitor.page.url().includes(`inside.t=${t}&inside.held=${t}`));
    await hold.uncheck();
  });

  test("is found again by its address, on a small screen, without barriers", async () => {
    const { visitor, section, slider, looked } = await open(
      "#inside.t=300&inside.digit=5&inside.held=100&inside.place=3",
      { viewport: { width: 360, height: 740 } },
    );
    await looked(300);
    const name = "The input: a real 0, noised to t = 100, with t = 300";
    await section.getByRole("img", { name, exact: true }).waitFor();
    const place = section.getByRole("slider", { name: "Place that asks" });
    assert.equal(await place.inputValue(), "3");
    await visitor.fits();
    assert.deepEqual(await violations(visitor.page, section), []);
    await slider.press("ArrowRight");
    await visitor.until(async () => visitor.page.url().includes("inside.t=301"));
    await visitor.leave();
  });
});
