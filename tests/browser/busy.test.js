// How far a long answer is, as the page's side of the workers passes it on. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, listenForWaits, wait } from "../../web/client/busy.js";

test("whoever waits is told how much of an answer is there, each time that it is more", async () => {
  /** @type {[waits: boolean, share: number | null][]} */
  const told = [];
  let heard = () => {};
  listenForWaits((since, share) => {
    told.push([since !== null, share]);
    heard();
  });
  /** Resolves when the listener is called next. */
  const next = () =>
    new Promise((/** @type {(value: void) => void} */ resolve) => (heard = resolve));

  advance(0.9);
  assert.deepEqual(told, [], "nobody has asked");
  const answered = wait();
  assert.deepEqual(told, [], "an answer may be quick");
  await next();
  advance(0.4);
  advance(0.7);
  answered();
  await next();
  assert.deepEqual(told, [
    [true, null],
    [true, 0.4],
    [true, 0.7],
    [false, null],
  ]);
});
