// The page in WebKit, the engine of Safari and of every browser on an iPhone. WebKitGTK has no WebGPU, so all of this is on
// the CPU.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { zipSync } from "fflate";
import { seeAllFigures } from "./figures.js";
import { DRAFT, SLOW, root, screenshots, serve } from "./helpers.js";
import { conformance, filesOf, scratch } from "./models.js";
import { learnsOnAfterAReload } from "./teaching.js";
import { openSession } from "./webdriver.js";

const driver = process.env["WEBKIT"] ?? "";
const skip =
  driver === "" && "name a WebKitWebDriver in $WEBKIT, or let `cargo xtask test` find one";

describe("the page in WebKit", { skip, timeout: SLOW }, () => {
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import("./webdriver.js").Session} */
  let page;

  before(async () => {
    const main = await readFile(path.join(root, "web", "main.js"), "utf8");
    const body = `import "/tests/browser/complaints.js";\n${main}`;
    server = await serve({ "/web/main.js": { body } });
    page = await openSession(driver);
    await page.resize(1280, 900);
  });
  after(async () => {
    await Promise.allSettled([page?.close(), server?.close()]);
  });

  /** Opens the page, and waits for the end of its first walk. @param {string} [state] behind the # */
  const visit = async (state = "steps=10") => {
    // A page that differs in nothing but its state is not loaded again.
    await page.goto("about:blank");
    await page.goto(`${server.url}?device=cpu#${state}`);
    await page.waitForSelector('canvas[aria-label^="The finished image"]', { timeout: SLOW / 5 });
  };
  /** @param {string} name */
  const keepPicture = async (name) => {
    await mkdir(screenshots, { recursive: true });
    await writeFile(path.join(screenshots, `${name}.png`), await page.screenshot());
  };
  /** Nothing of the page lies beside the window. */
  const fits = async () => {
    const excess = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(excess, 0);
  };
  const complaints = () =>
    page.evaluate(() => /** @type {{ complaints?: string[] }} */ (globalThis).complaints);

  test("walks to an image, has its figures ready and its plots drawn, and complains of nothing", async (t) => {
    t.diagnostic(`WebKitGTK ${page.version}`);
    await visit();
    const readouts = await page.$$eval("#walk-back .readouts dd", (found) =>
      found.map((element) => element.textContent?.trim() ?? ""),
    );
    assert.ok(readouts.includes("10 of 10"), readouts.join("; "));
    assert.ok(readouts.includes("CPU"), readouts.join("; "));

    await seeAllFigures(page);
    const undrawn = await page.$$eval(".plot .area", (areas) =>
      areas
        // Before anything was learned there is nothing to draw of it.
        .filter((area) => area.closest("[data-figure=teach]") === null)
        .filter((area) => {
          const canvas = area.querySelector("canvas");
          const context = canvas?.getContext("2d") ?? null;
          if (canvas === null || context === null || canvas.width === 0) return true;
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          return data.every((value) => value === 0);
        })
        .map((area) => `${area.getAttribute("aria-label")}: ${area.textContent}`),
    );
    assert.deepEqual(undrawn, []);
    await fits();
    await keepPicture("webkit-1280");
    assert.ok((await page.$$eval(".plot .area", (areas) => areas.map(() => ""))).length > 3);
    assert.deepEqual(await complaints(), []);
  });

  // WebKit draws no bar that may stretch, and sets others too high.
  test("has a bar close above every alpha, in formulas and in terms", async () => {
    await visit();
    const bars = await page.evaluate(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
      return [...document.querySelectorAll("mover")]
        .filter((mover) => mover.lastElementChild?.textContent === "‾" && mover.checkVisibility())
        .map((mover) => {
          const [letter, bar] = [...mover.children].map((part) => part.getBoundingClientRect());
          const em = parseFloat(getComputedStyle(mover).fontSize);
          const above = ((letter?.top ?? NaN) - (bar?.top ?? NaN)) / em;
          return { above, width: (bar?.width ?? NaN) / em, where: mover.closest("[id]")?.id };
        });
    });
    assert.ok(bars.length > 15, `${bars.length} bars`);
    assert.ok(
      bars.some(({ where }) => where === "walk-back"),
      "a term of the first figure",
    );
    for (const { above, width, where } of bars) {
      assert.ok(above > 0.05 && above < 0.45, `${above} em above the letter in ${where}`);
      assert.ok(width > 0.3 && width < 0.8, `${width} em wide in ${where}`);
    }
    await page.$eval(".equations", (found) => found.scrollIntoView({ block: "center" }));
    await keepPicture("webkit-formulas");
  });

  test("takes a drawing, and walks from it", async () => {
    await visit();
    const place = '[data-figure="bend-scribble"]';
    await page.$eval(place, (found) => found.scrollIntoView({ block: "center" }));
    await page.waitForSelector(`${place}[data-ready]`, { timeout: SLOW / 5 });
    await page.evaluate((selector) => {
      const buttons = [...document.querySelectorAll(`${selector} button`)];
      const clear = buttons.find((button) => button.textContent?.trim() === "Clear");
      if (clear instanceof HTMLElement) clear.click();
    }, place);
    const pad = `${place} canvas[aria-label^="Your drawing"]`;
    await page.waitForSelector(`${pad}[aria-label$="nothing drawn yet"]`, { timeout: 5000 });
    await page.$eval(pad, (found) => found.scrollIntoView({ block: "center" }));
    await page.draw(pad, [
      { x: -30, y: -40 },
      { x: 30, y: -40 },
      { x: -10, y: 50 },
    ]);
    await page.waitForSelector(`${pad}[aria-label$="a drawing"]`, { timeout: 5000 });
    await page.waitForSelector(`${place} canvas[aria-label^="Four walks to 2 from your drawing"]`, {
      timeout: SLOW / 5,
    });
    assert.match(await page.evaluate(() => location.hash), /scribble\.drawing=\w/);
    assert.deepEqual(await complaints(), []);
  });

  // A folder cannot be chosen through WebDriver: it is handed over as if it were a file.
  test("opens a model from files and from a zip", async (t) => {
    await visit();
    /** @param {string} chosen @param {string} shown */
    const open = async (chosen, shown) => {
      await page.click("#model-open");
      await page.type("#open-model input[multiple]", chosen);
      await page.until(
        (text) => document.getElementById("model-bar")?.textContent?.includes(text) === true,
        SLOW / 5,
        shown,
      );
      await page.waitForSelector("#walk-back[data-revealed]", { timeout: SLOW / 5 });
    };
    const files = [
      "unet/config.json",
      "scheduler/scheduler_config.json",
      "unet/diffusion_pytorch_model.safetensors",
    ].map((file) => path.join(conformance("cifar_style"), file));
    await open(files.join("\n"), "32 × 32 in colour");
    const zip = path.join(await scratch(t), "small.zip");
    await writeFile(zip, zipSync(await filesOf(conformance("class_conditional")), { level: 1 }));
    // What an input has been given, WebDriver adds to.
    await visit();
    await open(zip, "16 × 16");
    assert.deepEqual(await complaints(), []);
  });

  test("shows a figure alone as an embed, and runs the module's example", async (t) => {
    await page.goto("about:blank");
    await page.goto(`${server.url}?device=cpu&embed=many-answers#many.t=900&many.steps=4`);
    await page.waitForSelector('[aria-label^="Sixteen images"][aria-label*="at t = 900"]', {
      timeout: SLOW / 5,
    });
    const headings = await page.evaluate(() =>
      [...document.querySelectorAll("h1, h2, h3")]
        .filter((heading) => heading.checkVisibility())
        .map((heading) => heading.textContent),
    );
    assert.deepEqual(headings, ["One noisy image, many answers"]);
    assert.deepEqual(await complaints(), []);

    const site = await serve({}, { folder: DRAFT + path.sep, below: "/some/path/" });
    t.after(site.close);
    await page.goto(`${site.url}example.html`);
    await page.until(() => document.querySelector("p")?.textContent === "An image", SLOW / 5);
  });

  // WebKit keeps the page that was left for the way back, with its workers.
  test("learns, and goes on after a reload", async () => {
    await learnsOnAfterAReload(page, server.url);
    assert.deepEqual(await complaints(), []);
  });

  test("keeps what is read in its place while figures above it are created", async () => {
    await visit();
    const top = () =>
      page.evaluate(
        () => document.getElementById("wall-title")?.getBoundingClientRect().top ?? NaN,
      );
    await page.$eval("#wall-title", (found) => found.scrollIntoView());
    const there = await top();
    await page.waitForSelector('[data-figure="samplers"][data-ready]', { timeout: SLOW / 5 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(Math.abs((await top()) - there) < 8, `${there} became ${await top()}`);
  });

  test("fits into the narrowest window that there is, with all its figures", async () => {
    // Of the browser's own bars: 447 pixels in version 2.50.
    await page.resize(390, 844);
    await visit();
    await seeAllFigures(page);
    assert.ok((await page.evaluate(() => innerWidth)) < 500);
    await fits();
    await page.evaluate(() => scrollTo(0, 0));
    await keepPicture("webkit-narrow");
  });
});
