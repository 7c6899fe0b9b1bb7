// What the tests of a file share: the page on a server of its own, and a browser to visit it with.

import { after, before } from "node:test";
import { launch, serve } from "./helpers.js";
import { holdPolicy } from "./policy.js";
import { arrive, visit } from "./visitor.js";

/**
 * Opens a site before the first test, and closes it after the last: of the file, or of the `describe` that
 * this is called in. Visits that no test has ended end then, with what the page complained about in them.
 * @param {object} [options]
 * @param {boolean} [options.webgpu] whether the browser has a WebGPU adapter, imitated in software
 * @param {string[]} [options.flags] of the browser's command line
 * @param {Parameters<typeof serve>[1]} [options.served] what is served and where; the repository without it
 */
export function openSite({ webgpu = false, flags = [], served } = {}) {
  /** @type {Awaited<ReturnType<typeof serve>> | undefined} */
  let server;
  /** @type {Awaited<ReturnType<typeof launch>> | undefined} */
  let browser;
  /** @type {import("./visitor.js").Visitor[]} */
  const visitors = [];

  const open = async () => {
    server = await serve({}, served);
    browser = await launch({ webgpu, flags });
  };
  /** @type {Promise<void> | undefined} */
  let opening;
  // Not every `before` waits for the one before it: who visits first opens.
  const opened = () => (opening ??= open());

  before(opened);
  // An open browser or server would keep the file from ending, so both are closed before anything fails.
  after(async () => {
    try {
      for (const visitor of visitors) if (!visitor.page.isClosed()) await visitor.leave();
    } finally {
      await Promise.allSettled([browser?.close(), server?.close()]);
    }
    holdPolicy();
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
     * @param {import("./visitor.js").Arrival} [arrival]
     * @param {number} [timeout]
     */
    async visit(address = "?device=cpu", arrival, timeout) {
      await opened();
      const url = new URL(address, this.url).href;
      const visitor = await visit(this.browser, url, arrival, timeout);
      visitors.push(visitor);
      return visitor;
    },
    /**
     * Opens the page as `arrive` does, on a server of its own; both are gone after the test.
     * @param {import("node:test").TestContext} t
     * @param {Parameters<typeof serve>[0]} instead what this server answers differently
     * @param {string} [address] behind the server's own
     * @param {import("./visitor.js").Arrival} [arrival]
     */
    async visitWith(t, instead, address = "?device=cpu", arrival) {
      await opened();
      const { url, close } = await serve(instead, served);
      t.after(close);
      const visitor = await arrive(this.browser, url + address, arrival);
      t.after(() => visitor.page.context().close());
      return visitor;
    },
  };
}

/** @returns {never} */
function notYet() {
  throw new Error("the site is open from before the first test on: ask for it in a test");
}
