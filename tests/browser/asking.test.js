// The page's functions for the methods of the workers. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asking } from "../../web/client/asking.js";
import { ARITHMETIC, NETWORK } from "../../web/protocol/calls.js";

for (const [name, table] of Object.entries({ ARITHMETIC, NETWORK })) {
  test(`every method of ${name} has a function that passes on its parameters and its signal`, () => {
    class Recorder extends asking(/** @type {Record<string, object>} */ (table)) {
      /** @param {unknown[]} call */
      ask(...call) {
        return call;
      }
    }
    const page = /** @type {Record<string, (...given: unknown[]) => unknown>} */ (
      /** @type {unknown} */ (new Recorder())
    );
    const params = { count: 1 };
    const { signal } = new AbortController();
    for (const method of Object.keys(table)) {
      assert.deepEqual(page[method]?.(params, signal), [method, params, signal]);
    }
  });
}
