// What stands behind the # may be anything: what is read from it is possible for the model, or refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readDrawing, writeDrawing } from "../../web/settings/drawing.js";
import { properties } from "../../web/settings/list.js";
import { Group } from "../../web/settings/kept-in-address.js";

const CASES = process.env["WALKBACK_LONG"] === "1" ? 200_000 : 5_000;

/** Numbers from 0 to below 1, the same in every run (mulberry32). @param {number} seed */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that are nearly right, far from it, or enormous. @param {() => number} random */
function strange(random) {
  const pieces =
    "0 1 -1 0.5 1e9 1e-9 -1e400 NaN Infinity 0x1f 4294967296 999999999999999999999 any ddpm ddim dpm++ linear AAEC_ - . , # & % \u0000 ١ 🙂 <img>".split(
      " ",
    );
  const pick = () => pieces[Math.floor(random() * pieces.length)] ?? "";
  if (random() < 0.01) return pick().repeat(20_000);
  return Array.from({ length: Math.floor(random() * 4) }, pick).join(random() < 0.5 ? "" : " ");
}

/** Models of all kinds. @type {import("../../web/settings/list.js").Limits[]} */
const models = [
  { trainTimesteps: 1000, classes: 10, anyLabel: true },
  { trainTimesteps: 1000, classes: 10, anyLabel: false },
  { trainTimesteps: 7, classes: 0, anyLabel: false },
  { trainTimesteps: 1, classes: 1, anyLabel: false },
];

describe("an address of any content", () => {
  test("gives values that are possible, and says what was not", () => {
    const random = numbers(1);
    const groups = Object.values(properties);
    for (let i = 0; i < CASES; i++) {
      const limits = models[i % models.length] ?? assert.fail();
      const list =
        /** @type {Record<string, import("../../web/settings/list.js").Property<any>>} */ (
          groups[i % groups.length]
        );
      const group = new Group(list, limits, () => {});
      /** @type {Map<string, string>} */
      const asked = new Map();
      /** @type {Set<string>} */
      const refused = new Set();
      group.read(
        (name) => {
          const text = strange(random);
          asked.set(name, text);
          return text;
        },
        (name) => refused.add(name),
      );
      for (const [name, property] of Object.entries(list)) {
        const value = group.values[name];
        if (value === null) continue;
        // What was taken is a possible value: written, it reads as itself.
        const again = property.read(property.write(value), limits);
        const context = `${name} = ${asked.get(name)?.slice(0, 40)}, taken as ${value}`;
        assert.deepEqual(again, { value, exact: true }, context);
        // Where nothing was said, it is what was asked for: nothing nearer is read from the same text.
        if (!refused.has(name)) {
          assert.deepEqual(property.read(asked.get(name) ?? "", limits), again, context);
        }
      }
    }
  });

  test("gives the drawing that was written, or none", () => {
    const random = numbers(2);
    for (let i = 0; i < CASES / 10; i++) {
      const size = 1 + Math.floor(random() * 800);
      const ink = random();
      const pixels = Uint8ClampedArray.from({ length: size }, () =>
        random() < ink ? Math.floor(random() * 256) : 0,
      );
      const text = writeDrawing(pixels);
      assert.deepEqual(readDrawing(text, size), pixels);
      assert.equal(readDrawing(text, size + 1), null);
      const broken = text.slice(0, Math.floor(random() * text.length)) + strange(random);
      const read = readDrawing(broken, size);
      assert.ok(read === null || read.length === size);
    }
  });
});

test("an address beyond all numbers gives the last or the first, and says so", () => {
  const limits = models[0] ?? assert.fail();
  for (const [list, most, least] of /** @type {const} */ ([
    [properties.walk.steps, 1000, 10],
    [properties.many.steps, 250, 4],
    [properties.wall.steps, 50, 2],
    [properties.repaint.resamplings, 10, 1],
    [properties.walk.guidance, 4, 0],
    [properties.walk.label, 9, 0],
  ])) {
    for (const [text, value] of /** @type {const} */ ([
      ["1e999", most],
      ["1e20", most],
      ["-1e999", least],
    ])) {
      assert.deepEqual(list.read(text, limits), { value, exact: false }, text);
    }
  }
});

test("an address gives what a control can show, and says what it could not", () => {
  /** @type {[string, import("../../web/settings/list.js").Property<any>, string, number][]} */
  const asked = [
    ["guidance", properties.walk.guidance, "1.1", 1],
    ["eta", properties.walk.eta, "0.33", 0.3],
    ["compareA.eta", properties.compareA.eta, "0.75", 0.8],
    ["many.steps", properties.many.steps, "7", 8],
    ["wall.steps", properties.wall.steps, "7", 6],
    ["repaint.resamplings", properties.repaint.resamplings, "4", 3],
    ["between.share", properties.between.share, "0.333", 0.33],
  ];
  const limits = models[0] ?? assert.fail();
  for (const [name, property, text, value] of asked) {
    assert.deepEqual(property.read(text, limits), { value, exact: false }, `${name}=${text}`);
  }
  // And every value of a slider is taken as it is.
  for (let tenth = 0; tenth <= 10; tenth++) {
    const text = String(tenth / 10);
    const read = properties.walk.eta.read(text, limits);
    assert.deepEqual(read, { value: Number(text), exact: true });
  }
  for (let hundredth = 0; hundredth <= 100; hundredth++) {
    const text = String(hundredth / 100);
    const read = properties.between.share.read(text, limits);
    assert.deepEqual(read, { value: Number(text), exact: true });
  }
});
