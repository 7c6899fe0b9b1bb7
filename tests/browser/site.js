// What the tests of a file share: the page on a server of its own, and a browser to visit it with.

import { after, before } from "node:test";
import { launch, serve } from "./helpers.js";
import { visit } from "./visitor.js";

/**
 * Opens a site before the first test, and closes it after the last: of the file, or of the `describe` that
 * this is called in. Visits that no test has ended end then, with what the page complained about in them.
 * @param {object} [options]
 * @param {boolean} [options.webgpu] whether the browser has a WebGPU adapter, imitated in software
 * @param {Parameters<typeof serve>[1]} [options.place] what is served and where; the repository without it
 */
export function openSite({ webgpu = false, place } = {}) {
  /** @type {Awaited<ReturnType<typeof serve>> | undefined} */
  let server;
  /** @type {Awaited<ReturnType<typeof launch>> | undefined} */
  let browser;
  /** @type {import("./visitor.js").Visitor[]} */
  const visitors = [];

  const open = async () => {
    server = await serve({}, place);
    browser = await launch({ webgpu });
  };
  /** @type {Promise<void> | undefined} */
  let opening;
  // Not every `before` waits for the one before it: who visits first opens.
  const opened = () => (opening ??= open());

  before(opened);
  after(async () => {
    try {
      for (const visitor of visitors) if (!visitor.page.isClosed()) await visitor.leave();
    } finally {
      await browser?.close();
      await server?.close();
    }
  });

  return {
    /** Ends with a slash. */
    get url() {
      return server?.url ?? notYet();
    },
    get browser() {
      return browser ?? notYet();
    },
    /**
     * Opens the page as `visit` does.
     * @param {string} [address] behind the site's own, or a whole one
     * @param {import("playwright-core").BrowserContextOptions} [options]
     * @param {number} [timeout]
     */
    async visit(address = "?device=cpu", options, timeout) {
      await opened();
      const url = new URL(address, this.url).href;
      const visitor = await visit(this.browser, url, options, timeout);
      visitors.push(visitor);
      return visitor;
    },
  };
}

/** @returns {never} */
function notYet() {
  throw new Error("the site is open from before the first test on: ask for it in a test");
}
