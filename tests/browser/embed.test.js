// The frame of a figure, and the figure alone: in full screen, and in a frame of another page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { SLOW, serve } from "./helpers.js";
import { openSite } from "./site.js";

const site = openSite();
const FIGURE = "many-answers";
const SET = "many.t=900&many.steps=4";

/**
 * A page of another origin with an embed of 600 x 500, to which the browser refuses storage and the clipboard.
 * @param {import("node:test").TestContext} t
 * @param {string} address of the embed, behind the site's own
 */
async function embedded(t, address) {
  const src = new URL(address, site.url).href.replaceAll("&", "&amp;");
  const body = `<!doctype html><title>A course</title><link rel="icon" href="data:,"><iframe src="${src}" title="A figure" width="600" height="500"></iframe>`;
  const { url, close } = await serve({ "/course.html": { body } });
  t.after(close);
  const page = await site.browser.newPage();
  t.after(() => page.close());
  await page.addInitScript(() => {
    const refuse = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) {
      Object.defineProperty(globalThis, name, { get: refuse });
    }
    Object.defineProperty(navigator, "clipboard", { get: refuse });
  });
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(`${url}course.html`.replace("127.0.0.1", "localhost"));
  return { frame: page.frameLocator("iframe"), complaints };
}

describe("an embed", () => {
  test("of 600 x 500 in a page of another origin shows the figure as it is set, and nothing else", async (t) => {
    const { frame, complaints } = await embedded(t, `?device=cpu&embed=${FIGURE}#${SET}`);
    await frame.locator(`[data-figure="${FIGURE}"][data-ready]`).waitFor({ timeout: SLOW / 5 });
    await frame
      .getByRole("img", { name: /^Sixteen images, .* at t = 900;/ })
      .waitFor({ timeout: SLOW / 5 });
    assert.equal(await frame.getByRole("slider", { name: "Begin at time t" }).inputValue(), "900");
    const seen = await frame.locator("body").evaluate(() => ({
      headings: [...document.querySelectorAll("h1, h2, h3")]
        .filter((heading) => heading.checkVisibility())
        .map((heading) => heading.textContent),
      parts: [
        ...document.querySelectorAll("header, nav, footer, .words, .try, .sources, .details"),
      ].filter((part) => part.checkVisibility()).length,
      figures: [...document.querySelectorAll("[data-ready], [data-mode]")].length,
      width: document.documentElement.scrollWidth,
      // All sixteen answers, and what they came from.
      below: [...document.querySelectorAll(".source canvas, .answers canvas")].filter(
        (picture) => picture.getBoundingClientRect().bottom > innerHeight,
      ).length,
    }));
    assert.deepEqual(seen, {
      headings: ["One noisy image, many answers"],
      parts: 0,
      figures: 1,
      width: seen.width,
      below: 0,
    });
    assert.ok(seen.width <= 600, `it is ${seen.width} pixels wide`);
    const back = frame.getByRole("link", { name: "Open in walkback" });
    assert.equal(
      await back.getAttribute("href"),
      new URL(`?device=cpu#${FIGURE}&${SET}`, site.url).href,
    );
    assert.deepEqual(complaints, []);
  });

  for (const [figure, colorScheme] of /** @type {const} */ ([
    [FIGURE, "dark"],
    ["walk-back", "light"],
  ])) {
    test(`of ${figure} has nothing that axe finds, and fits`, async (t) => {
      const { page } = await site.visitWith(
        t,
        {},
        `?device=cpu&embed=${figure}#steps=10&many.steps=4`,
        { colorScheme, viewport: { width: 600, height: 500 }, reducedMotion: "reduce" },
      );
      await page.locator(`[data-figure="${figure}"][data-ready]`).waitFor({ timeout: SLOW / 5 });
      await page.locator("[data-alone] .tools").scrollIntoViewIfNeeded();
      assert.deepEqual(await violations(page, page.locator("html")), []);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 600, `it is ${width} pixels wide`);
    });
  }

  for (const [what, lack] of Object.entries({
    "that has no locks": () => {
      Object.defineProperty(navigator, "locks", { value: undefined });
    },
    "that refuses locks": () => {
      const request = async () => {
        throw new DOMException("The request was denied.", "SecurityError");
      };
      Object.defineProperty(navigator, "locks", { value: { request } });
    },
    "that refuses a channel": () => {
      Object.defineProperty(globalThis, "BroadcastChannel", {
        value: class {
          constructor() {
            throw new DOMException("The operation is insecure.", "SecurityError");
          }
        },
      });
    },
  })) {
    test(`in a browser ${what} computes without a turn`, async (t) => {
      const prepare = (/** @type {import("playwright-core").BrowserContext} */ context) =>
        context.addInitScript(lack);
      const address = `?device=cpu&embed=${FIGURE}#${SET}`;
      const { page } = await site.visitWith(t, {}, address, { prepare });
      await page.getByRole("img", { name: /^Sixteen images, / }).waitFor({ timeout: SLOW / 5 });
    });
  }

  test("of a figure that is not there is the page, which says so", async (t) => {
    const { page } = await site.visitWith(t, {}, "?device=cpu&embed=none");
    await page.getByText('This link asks for the figure "none"').waitFor();
    await page.getByRole("heading", { level: 1 }).waitFor();
  });
});

describe("below a figure", () => {
  test("are its link and its embed, whichever it is; only what other figures made has no embed", async (t) => {
    const { page } = await site.visitWith(t, {}, "?device=cpu#steps=10&at=0");
    await page.locator("#walk-back[data-revealed]").waitFor({ timeout: SLOW / 5 });
    const found = await page.$$eval("[data-figure]", (places) =>
      places.map((place) => {
        const frame = place.closest("[data-frame]");
        const names = [...(frame?.querySelectorAll("button") ?? [])].map((button) =>
          (button.getAttribute("aria-label") ?? button.textContent ?? "").trim(),
        );
        const has = ["Copy link", "Embed"].filter((name) => names.includes(name));
        return /** @type {const} */ ([place.getAttribute("data-figure") ?? "", has]);
      }),
    );
    assert.ok(found.length >= 15, `${found.length} figures`);
    for (const [figure, has] of found) {
      const all = figure === "take-away" ? ["Copy link"] : ["Copy link", "Embed"];
      assert.deepEqual(has, all, figure);
    }
  });

  test("the embed is selected where the browser does not let it be copied", async (t) => {
    const { page } = await site.visitWith(t, {}, `?device=cpu#${FIGURE}&${SET}`, {
      prepare: (context) =>
        context.addInitScript(() => {
          Object.defineProperty(navigator, "clipboard", { value: undefined });
        }),
    });
    const tools = page.getByRole("group", { name: "Figure: One noisy image, many answers" });
    await tools.getByRole("button", { name: "Embed" }).click();
    await tools.getByText("copy it by hand").waitFor();
    const field = tools.getByRole("textbox", { name: /^HTML/ });
    const [selected, all] = await field.evaluate((area) => {
      if (!(area instanceof HTMLTextAreaElement)) throw new Error("no textarea");
      return [area.selectionEnd - area.selectionStart, area.value.length];
    });
    assert.equal(selected, all);
  });

  test("are its link, its embed, reset and full screen", async (t) => {
    const { page } = await site.visitWith(t, {}, `?device=cpu#${FIGURE}&${SET}`, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.locator(`[data-figure="${FIGURE}"][data-ready]`).waitFor({ timeout: SLOW / 5 });
    const tools = page.getByRole("group", { name: "Figure: One noisy image, many answers" });
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await tools.getByRole("button", { name: "Copy link" }).click();
    await tools.getByRole("button", { name: "Copied" }).waitFor();
    const link = new URL(await clipboard());
    assert.equal(link.search, "?device=cpu");
    // What other figures have chosen may follow.
    assert.ok(link.hash.startsWith(`#${FIGURE}&${SET}`), link.hash);

    await tools.getByRole("button", { name: "Embed" }).click();
    await tools.getByText("Copied. It shows").waitFor();
    const html = await clipboard();
    assert.equal(await tools.getByRole("textbox", { name: /^HTML/ }).inputValue(), html);
    const attribute = (/** @type {string} */ name) =>
      new RegExp(`^<iframe .*\\b${name}="([^"]*)"`).exec(html)?.[1]?.replaceAll("&amp;", "&");
    assert.equal(attribute("src"), new URL(`?device=cpu&embed=${FIGURE}#${SET}`, page.url()).href);
    assert.equal(attribute("title"), "One noisy image, many answers");
    assert.deepEqual(await violations(page, tools), []);

    const slider = page.locator(`#${FIGURE}`).getByRole("slider", { name: "Begin at time t" });
    await tools.getByRole("button", { name: "Reset" }).click();
    assert.equal(await slider.inputValue(), "600");

    await slider.focus();
    await page.keyboard.press("f");
    await page.waitForFunction(() => document.fullscreenElement?.id === "many-answers");
    assert.ok(await page.locator(`#${FIGURE} > .words`).isHidden());
    assert.ok(await slider.isVisible());
    await page.keyboard.press("f");
    await page.waitForFunction(() => document.fullscreenElement === null);
  });
});
