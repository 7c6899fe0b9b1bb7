// Which chains the page has open, by what it asks its workers for.

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../web/protocol/messages.js").ChainOptions} ChainOptions */
/** @typedef {{ method: string, chain: number, options?: ChainOptions }} Asked */

/**
 * Counts from now on.
 * @param {Page} page
 * @returns {Promise<(of?: Partial<ChainOptions>) => Promise<{ opened: number[], closed: number[], steps: number[] }>>}
 *     tells the chains so far; of what is opened only those with these options
 */
export async function watchChains(page) {
  await page.evaluate(() => {
    const { postMessage } = Worker.prototype;
    /** @type {Asked[]} */
    const asked = [];
    Object.assign(globalThis, { asked });
    Worker.prototype.postMessage = function (message, ...rest) {
      asked.push({ method: message.method, ...message.params });
      return postMessage.call(this, message, .../** @type {any} */ (rest));
    };
  });
  return (of = {}) =>
    page.evaluate((wanted) => {
      /** @type {Asked[]} */
      const asked = /** @type {any} */ (globalThis).asked;
      /** @param {string} method @param {Partial<ChainOptions>} [like] */
      const chains = (method, like = {}) =>
        asked
          .filter((one) => one.method === method)
          .filter(({ options }) =>
            Object.entries(like).every(([name, value]) => Object(options)[name] === value),
          )
          .map(({ chain }) => chain);
      return { opened: chains("open", wanted), closed: chains("close"), steps: chains("step") };
    }, of);
}
