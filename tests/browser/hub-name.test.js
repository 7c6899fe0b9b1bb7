// What people have in their clipboard names a model of the hub, wherever they copied it. It needs no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { hubName, written } from "../../web/models/hub.js";
import { root } from "./helpers.js";

/** Read by crate/tests/hub.rs too. */
const { names, others, wrong } = JSON.parse(
  await readFile(path.join(root, "tests", "conformance", "hub-names.json"), "utf8"),
);

test("every way to write a model down names it", () => {
  for (const [text, repo, revision, folder] of names) {
    const name = hubName(text);
    assert.deepEqual(name, { repo, revision, folder }, text);
    assert.deepEqual(hubName(written(name)), name, `${text}, as the page writes it`);
  }
});

test("what is no name of the hub is left to others, or refused", () => {
  for (const text of others) assert.equal(hubName(text), null, text);
  for (const text of wrong) assert.throws(() => hubName(text), /^Error: ".*\.$/, text);
});
