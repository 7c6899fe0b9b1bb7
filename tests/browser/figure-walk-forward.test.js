// The walk forward: all at once and step by step are one distribution.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { changed, drop } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const HEADING = "The walk forward needs no network";

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
  /** @param {string} name @returns {Promise<{ t: string, left: number, variance: number }>} */
  const row = async (name) => {
    const cells = section.getByRole("row", { name }).getByRole("cell");
    const [t = "", left, variance] = await cells.allTextContents();
    return { t, left: Number(left), variance: Number(variance) };
  };
  /** Both ways' numbers, once both have come to t. @param {string} t */
  const at = async (t) => {
    await visitor.until(
      async () => (await row("All at once")).t === t && (await row("Step by step")).t === t,
    );
    return { atOnce: await row("All at once"), walks: await row("Step by step") };
  };
  const slider = section.getByRole("slider", { name: "Time t" });
  return { visitor, section, slider, at };
}

/** Follows a link on the page that is open. @param {string} hash */
async function follow(hash) {
  await once.visitor.page.evaluate((address) => {
    location.hash = address;
  }, hash);
  return once;
}

/** The schedules, by their papers. */
const linear = Array.from({ length: 1000 }, (_, t) => 1e-4 + ((0.02 - 1e-4) * t) / 999);
/** @param {number[]} betas @param {number} t */
const alphaCumprod = (betas, t) =>
  betas.slice(0, t + 1).reduce((left, beta) => left * (1 - beta), 1);

/** @param {number} value @param {number} expected @param {number} tolerance */
function near(value, expected, tolerance) {
  assert.ok(Math.abs(value - expected) <= tolerance, `${value} is not ${expected} ± ${tolerance}`);
}

// The noise of 64 walks of 784 pixels: their mean's share of the image and their variance are known to
// within about 0.005 and 0.6 %; five times that is allowed.
const SHARE = 0.025;
const VARIANCE = 0.03;

describe("the walk forward", () => {
  test("gives step by step the mean and the variance that it gives all at once", async () => {
    const { visitor, section, slider, at } = once;
    const { atOnce, walks } = await at("300");
    near(atOnce.left, Math.sqrt(alphaCumprod(linear, 300)), 0.001);
    near(atOnce.variance, 1 - alphaCumprod(linear, 300), 0.001);
    near(walks.left, atOnce.left, SHARE);
    near(walks.variance, atOnce.variance, VARIANCE * atOnce.variance);

    // The same of every pixel: the mean of 64 walks is within five standard errors of the exact mean.
    const exact = section.getByRole("img", { name: /^All at once: the mean .* at t = 300/ });
    const mean = section.getByRole("img", { name: /^Step by step: the mean .* at t = 300/ });
    const [pixels, expected] = [await visitor.pixels(mean), await visitor.pixels(exact)];
    const error = (127.5 * Math.sqrt(atOnce.variance)) / 8;
    pixels.forEach((pixel, i) => near(pixel, expected[i] ?? NaN, 5 * error + 1));
    assert.notDeepEqual(pixels, expected, "measured, not copied");

    await section.getByRole("button", { name: "Step", exact: true }).click();
    assert.equal(await slider.inputValue(), "301");
    await at("301");
    await section.getByRole("button", { name: "50 steps" }).click();
    const later = await at("351");
    near(later.walks.variance, 1 - alphaCumprod(linear, 351), VARIANCE);

    await slider.press("Home");
    const image = await at("image");
    assert.equal(image.walks.left, 1);
    assert.equal(image.walks.variance, 0);
  });

  test("ends in normal noise, and runs away where the image is not shrunk", async () => {
    const { visitor, section, slider, at } = await follow("#forward.t=499");
    await openMore(section);
    const naive = section.getByRole("switch", { name: "Forget to shrink the image" });
    await naive.check();
    const { atOnce, walks } = await at("499");
    // Without the factor all betas add up, and the image stays.
    const sum = linear.slice(0, 500).reduce((sum, beta) => sum + beta, 0);
    await visitor.until(async () => (await at("499")).walks.variance > 2);
    const away = (await at("499")).walks;
    near(away.variance, sum, VARIANCE * sum);
    near(away.left, 1, 2 * SHARE);
    assert.ok(atOnce.variance < 1, `${walks.variance}`);

    await naive.uncheck();
    await slider.press("End");
    await at("999");
    const histogram = section.getByRole("img", { name: /^Histogram .* at t = 999/ });
    const said = (await histogram.getAttribute("aria-label")) ?? "";
    const shares = said.match(/(\d+) % .* all at once, (\d+) % step by step/);
    near(Number(shares?.[1]), 95, 1);
    near(Number(shares?.[2]), 95, 1);
  });

  test("knows four schedules and marks t in all of them", async () => {
    const { visitor, section, at } = await follow("#forward.t=200");
    await at("200");
    /** @param {number} s */
    const squaredCosine = (s) => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;
    const cosine = squaredCosine(201 / 1000) / squaredCosine(0);
    await openMore(section);
    await section.getByRole("radio", { name: "cosine" }).check();
    await visitor.until(async () => (await at("200")).atOnce.variance < 0.2);
    const { atOnce, walks } = await at("200");
    near(atOnce.variance, 1 - cosine, 0.001);
    near(walks.variance, 1 - cosine, VARIANCE);
    const plot = section.getByRole("img", { name: /^alpha-bar/ });
    const said = (await plot.getAttribute("aria-label")) ?? "";
    assert.match(said, /at t = 200, linear 0\.66, quadratic \S+, cosine 0\.9, sigmoid/);
    // Pointing into a plot goes there.
    const box = await plot.locator(".u-over").boundingBox();
    assert.ok(box !== null);
    await plot.locator(".u-over").click({ position: { x: box.width * 0.9, y: box.height / 2 } });
    const t = Number(await section.getByRole("slider", { name: "Time t" }).inputValue());
    near(t, 900, 15);
  });

  test("begins with the schedule of the model", async (t) => {
    // A walk that plays to its end writes the address, and then all that the page has chosen.
    const visitor = await site.visit("?device=cpu#steps=10&at=0", { reducedMotion: "reduce" });
    const folder = await changed(t, "plain", {
      "scheduler/scheduler_config.json": JSON.stringify({
        _class_name: "DDPMScheduler",
        beta_schedule: "squaredcos_cap_v2",
        num_train_timesteps: 1000,
      }),
    });
    await drop(visitor.page, folder);
    await visitor.page.getByText(/It comes from your files/).waitFor();
    const section = await visitor.goTo(HEADING);
    await openMore(section);
    assert.ok(await section.getByRole("radio", { name: "cosine" }).isChecked());
    assert.ok(!visitor.page.url().includes("schedule"), "the address is as it was");
    await visitor.leave();
  });

  test("takes a drawing, and an image that is dropped", async () => {
    const { visitor, section, at } = await follow("#forward.t=100");
    await at("100");
    await section.getByRole("radio", { name: "your own" }).check();
    const pad = section.getByRole("application", { name: /^Your image/ });
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    assert.ok(box !== null);
    const { mouse } = visitor.page;
    await mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
    await mouse.down();
    await mouse.move(box.x + box.width * 0.8, box.y + box.height / 2, { steps: 5 });
    await mouse.up();
    const mean = section.getByRole("img", {
      name: "All at once: the mean for your image, at t = 100",
    });
    await mean.waitFor();
    const { atOnce, walks } = await at("100");
    near(atOnce.left, Math.sqrt(alphaCumprod(linear, 100)), 0.001);
    near(walks.left, atOnce.left, SHARE);
    const drawn = await visitor.pixels(mean);
    const middle = drawn[14 * 28 + 14] ?? NaN;
    assert.ok(middle > 230 && (drawn[0] ?? NaN) < 30, `ink ${middle}, paper ${drawn[0]}`);

    await visitor.until(async () => visitor.page.url().includes("forward.drawing="));
    const stroke = visitor.page.url();

    // White paper, black ink: it is turned around, cropped and centred, as MNIST has it, and shown before it is used.
    await pad.evaluate(async (target) => {
      const canvas = new OffscreenCanvas(64, 64);
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no context");
      context.fillStyle = "#fff";
      context.fillRect(0, 0, 64, 64);
      context.fillStyle = "#000";
      context.fillRect(28, 8, 8, 48);
      const data = new DataTransfer();
      const blob = await canvas.convertToBlob();
      data.items.add(new File([blob], "stroke.png", { type: blob.type }));
      const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      target.dispatchEvent(drop);
    });
    await section.getByRole("img", { name: "The photo as a digit" }).waitFor();
    assert.deepEqual(await visitor.pixels(mean), drawn, "only looked at");
    await section.getByRole("button", { name: "Use it" }).click();
    await visitor.until(
      async () => (await visitor.pixels(mean))[6 * 28 + 14] !== drawn[6 * 28 + 14],
    );
    const dropped = await visitor.pixels(mean);
    assert.ok((dropped[6 * 28 + 14] ?? NaN) > 200, "the stroke goes down the middle");
    assert.ok((dropped[14 * 28 + 7] ?? NaN) < 30, "and not across");

    // The link carries it, to the pixel.
    await visitor.until(async () => visitor.page.url() !== stroke);
    const other = await open(new URL(visitor.page.url()).hash);
    const again = other.section.getByRole("img", {
      name: "All at once: the mean for your image, at t = 100",
    });
    await again.waitFor();
    assert.deepEqual(await other.visitor.pixels(again), dropped);
    await other.visitor.leave();
  });

  test("takes a digit where a link's drawing is none of this size, and says so", async () => {
    const { visitor, section, at } = await follow("#forward.t=100&forward.drawing=AAEC");
    await at("100");
    assert.ok(await section.getByRole("radio", { name: "a test digit" }).isChecked());
    await visitor.page.getByText(/forward\.drawing = AAEC… in this link is not valid/).waitFor();
  });

  test("is found again by its address, on a small screen, without barriers", async () => {
    const { visitor, section, slider, at } = await open(
      "#forward.t=120&forward.digit=71&forward.schedule=sigmoid&forward.seed=9",
      { viewport: { width: 360, height: 740 } },
    );
    await at("120");
    assert.equal(await slider.inputValue(), "120");
    assert.ok(await section.getByRole("radio", { name: "sigmoid" }).isChecked());
    assert.ok(await section.getByRole("radio", { name: "7", exact: true }).isChecked());
    await section
      .getByRole("img", { name: "All at once: a real 7 with noise, at t = 120" })
      .waitFor();
    await visitor.fits();
    assert.deepEqual(await violations(visitor.page, section), []);
    await slider.press("ArrowRight");
    await visitor.until(async () => visitor.page.url().includes("forward.t=121"));
    await visitor.leave();
  });
});
