// What holds for every page in every browser test: its content security policy is never violated, and
// nobody but its own server is asked for anything, unless the test says that the visitor allowed it.

import assert from "node:assert/strict";
import { afterEach } from "node:test";

/** What happened on any page of this test file that must not happen on any. @type {string[]} */
const offences = [];

/**
 * Watches a page from before its first request.
 * @param {import("playwright-core").Page} page
 * @param {readonly string[]} [allowed] other origins that the visitor allows
 */
export function watch(page, allowed = []) {
  /** @type {string | null} */
  let own = null;
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol === "blob:" || protocol === "data:") return;
    own ??= origin;
    if (origin !== own && !allowed.includes(origin)) offences.push(`asked for ${request.url()}`);
  });
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) offences.push(message.text());
  });
  // Sent before the page's own commands, which wait for it.
  page
    .addInitScript(() => {
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error(`Content Security Policy: ${violatedDirective} keeps out ${blockedURI}`),
      );
    })
    .catch(() => {});
}

/** What happened so far, which from here on is forgiven: for tests that break the rules on purpose. */
export function forgive() {
  return offences.splice(0);
}

/** Throws if the policy was broken since this was asked last. */
export function holdPolicy() {
  assert.deepEqual(forgive(), [], "the policy of the page holds");
}

// The test in which it was broken fails. What comes later, while pages close, `site.js` reports.
afterEach(holdPolicy);
