// A photo of a digit on paper becomes an image as MNIST has them. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { digitOnPaper, isPaper } from "../../web/parts/photo.js";

const WIDTH = 300;
const HEIGHT = 220;

/**
 * A photo: paper whose light falls off to the right, with a thin 7 and a speck of dirt, off the middle.
 * @param {number} pen half its width in pixels
 */
function photo(pen) {
  const values = new Float32Array(WIDTH * HEIGHT);
  /** @param {number} x @param {number} y @param {number[]} line x0, y0, x1, y1 */
  const away = (x, y, [x0 = 0, y0 = 0, x1 = 0, y1 = 0]) => {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)));
    return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
  };
  for (let i = 0; i < values.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const paper = 235 - (100 * x) / WIDTH;
    const ink = Math.min(away(x, y, [180, 40, 250, 40]), away(x, y, [250, 40, 210, 140])) <= pen;
    const dirt = Math.hypot(x - 30, y - 190) <= 2;
    values[i] = ink || dirt ? paper * 0.35 : paper;
  }
  return { values, width: WIDTH, height: HEIGHT };
}

for (const pen of [1.5, 6]) {
  test(`a 7 drawn with a pen of ${2 * pen} pixels fills 20 rows and lies in the middle`, () => {
    const picture = photo(pen);
    assert.ok(isPaper(picture));
    const digit = digitOnPaper(picture, 28);
    /** @type {number[]} */
    const rows = [];
    let [x, y, mass, most] = [0, 0, 0, 0];
    digit.forEach((value, i) => {
      if (value > 64) rows.push(Math.floor(i / 28));
      x += value * ((i % 28) + 0.5);
      y += value * (Math.floor(i / 28) + 0.5);
      mass += value;
      most = Math.max(most, value);
    });
    const tall = Math.max(...rows) - Math.min(...rows) + 1;
    assert.ok(tall >= 19 && tall <= 23, `${tall} rows`);
    assert.ok(
      Math.abs(x / mass - 14) < 1 && Math.abs(y / mass - 14) < 1,
      `${x / mass}, ${y / mass}`,
    );
    assert.ok(most === 255);
    // The dark side of the paper and the speck are no ink; MNIST's digits cover a tenth to a third.
    const share = mass / 255 / 784;
    assert.ok(share > 0.06 && share < 0.2, `ink on ${share}`);
    assert.deepEqual([digit[0], digit[27], digit[27 * 28], digit[783]], [0, 0, 0, 0]);
  });
}

test("blank paper is no digit", () => {
  const { values, width, height } = photo(-1);
  const blank = values.map((value, i) => (value > 120 ? value : (values[i - 8] ?? 200)));
  assert.throws(() => digitOnPaper({ values: blank, width, height }, 28), /No ink was found/);
});
