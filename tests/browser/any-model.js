// The page with a model that is not its own, as a visitor sees it.

import { drop } from "./models.js";

/** @typedef {import("./visitor.js").Visitor} Visitor */

/** Nothing plays by itself, so that the tests wait for what they ask for. */
export const still = /** @type {const} */ ({ reducedMotion: "reduce" });

/** A page with one model of its own, which has no menu. @param {import("playwright-core").BrowserContext} context */
export const withOneModel = (context) =>
  context.route("**/pretrained/models.json", (route) =>
    route.fulfill({ json: { models: ["mnist"] } }),
  );

/**
 * @param {ReturnType<typeof import("./site.js").openSite>} site
 * @param {string} [address]
 * @param {import("./visitor.js").Arrival} [arrival]
 */
export const visitStill = (site, address, arrival) =>
  site.visit(address, { ...still, prepare: withOneModel, ...arrival });

/** The line that says which model it is. @param {Visitor} visitor */
export const bar = ({ page }) => page.getByRole("group", { name: "The model" });

/** Waits for a model to be shown. @param {Visitor} visitor @param {RegExp} words of its line */
export async function shows(visitor, words) {
  await visitor.until(
    async () => words.test((await bar(visitor).innerText()).replace(/\s+/g, " ")),
    90_000,
  );
  await visitor.revealed(90_000);
}

/** Height and width of the picture itself. @param {Visitor} visitor */
export const sizeOf = ({ xt }) =>
  xt.evaluate((canvas) => {
    const { height, width } = /** @type {HTMLCanvasElement} */ (canvas);
    return [height, width];
  });

/**
 * What the page says of a model that it cannot open.
 * @param {Visitor} visitor
 * @param {...string} paths
 */
export async function refusal(visitor, ...paths) {
  const said = async () => (await visitor.failure.allTextContents()).join(" ");
  const before = await said();
  await drop(visitor.page, ...paths);
  // What was said before stays until the next model is looked at; no two in a row are refused alike.
  await visitor.until(async () => !["", before].includes(await said()));
  return said();
}
