// "Teach it" alone, as a visitor uses it.

import { SLOW } from "./helpers.js";

/** @typedef {import("./visitor.js").Visitor} Visitor */
/** @typedef {import("playwright-core").Locator} Locator */

/**
 * The figure's controls, those behind "More" in sight.
 * @param {Visitor} visitor
 * @param {Locator} place the figure
 */
export async function controlsOf(visitor, place) {
  const { page } = visitor;
  const more = place.getByText("More", { exact: true });
  if (await place.locator("details[open] > summary", { hasText: /^More$/ }).isHidden()) {
    await more.click();
  }
  /** @param {string | RegExp} name */
  const button = (name) => place.getByRole("button", { name, exact: true });
  /** @param {string | RegExp} name */
  const press = (name) => button(name).click();
  const step = async () => Number(await visitor.reads("step", place));
  /** @param {number} wanted */
  const reaches = (wanted) => visitor.until(async () => (await step()) >= wanted, SLOW);
  /** @param {number} count exactly */
  const hasExamples = async (count) => {
    const all = place.getByRole("button", { name: /^Remove example/ });
    await visitor.until(async () => (await all.count()) === count, SLOW / 5);
  };
  /** Shows it the page's ten real zeros. */
  const addZeros = async () => {
    await place.getByRole("radio", { name: "0", exact: true }).check();
    await press("Add 10 real 0s");
  };
  /** Shows them to a network that knows nothing, and lets it learn. */
  const learnFromNothing = async () => {
    await place.getByRole("radio", { name: "nothing" }).check();
    await addZeros();
    await press("Learn");
  };
  /** The learner of the page itself. @type {import("playwright-core").JSHandle<import("../../web/client/learner.js").Learner>} */
  const learner = /** @type {any} */ (
    await page.evaluateHandle(
      async (address) => (await import(address)).theLearner(),
      new URL("web/client/learner.js", page.url()).href,
    )
  );
  return {
    visitor,
    page,
    place,
    button,
    press,
    step,
    reaches,
    hasExamples,
    addZeros,
    learnFromNothing,
    learner,
  };
}

/**
 * Opens a page that shows nothing else.
 * @param {ReturnType<typeof import("./site.js").openSite>} site
 * @param {import("node:test").TestContext} t
 * @param {object} [options]
 * @param {Record<string, import("./helpers.js").Answer>} [options.instead] what the server answers differently
 * @param {string} [options.more] of the address
 * @param {import("./visitor.js").Arrival} [options.arrival]
 */
export async function openTeach(site, t, { instead = {}, more = "", arrival } = {}) {
  const visitor = await site.visitWith(t, instead, `?device=cpu&embed=teach${more}`, arrival);
  return controlsOf(visitor, await readyPlace(visitor.page));
}

/** @param {import("playwright-core").Page} page */
export async function readyPlace(page) {
  const place = page.locator('[data-figure="teach"][data-ready]');
  await place.waitFor({ timeout: SLOW / 5 });
  return place;
}
