// The drawing pad's numbers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ink } from "../../web/parts/ink.js";

const [HEIGHT, WIDTH, FINE] = [20, 28, 10];

describe("ink", () => {
  test("of an image that is put down is the image, to the byte", () => {
    const pixels = Uint8ClampedArray.from({ length: HEIGHT * WIDTH }, (_, i) => (i * 37) % 256);
    const ink = new Ink(HEIGHT, WIDTH, FINE);
    ink.put(pixels);
    assert.deepEqual(ink.image(), pixels);
    ink.clear();
    assert.ok(ink.image().every((value) => value === 0));
  });

  test("of a stroke is as much as a line with round ends covers", () => {
    const ink = new Ink(HEIGHT, WIDTH, FINE);
    const [pen, length] = [2.2, 10];
    const box = ink.stroke({ x: 8, y: 9.5 }, { x: 8 + length, y: 9.5 }, pen);
    const image = ink.image();
    /** @param {number} row @param {number} column */
    const at = (row, column) => image[row * WIDTH + column] ?? NaN;
    assert.equal(at(9, 12), 255);
    assert.equal(at(7, 12), 0);
    assert.ok(at(8, 12) > 0 && at(8, 12) < 255, "its edge is soft");
    const area = length * pen + Math.PI * (pen / 2) ** 2;
    const sum = image.reduce((total, value) => total + value / 255, 0);
    assert.ok(Math.abs(sum / area - 1) < 0.01, `${sum} for ${area}`);
    assert.ok(box.x <= 69 && box.x + box.width >= 191 && box.y <= 84 && box.y + box.height >= 106);
  });

  test("of strokes that cross or leave the pad stays on it, and within 255", () => {
    const ink = new Ink(HEIGHT, WIDTH, FINE);
    ink.stroke({ x: -50, y: 3 }, { x: 90, y: 15 }, 2);
    ink.stroke({ x: 5, y: 90 }, { x: 5, y: -3 }, 2);
    const { width, height } = ink.stroke({ x: 300, y: 300 }, { x: 300, y: 300 }, 2);
    assert.equal(width * height, 0);
    assert.equal(Math.max(...ink.image()), 255);
  });

  test("of a colour covers what lies below, and keeps what is beside", () => {
    const ink = new Ink(HEIGHT, WIDTH, FINE);
    ink.put(new Uint8ClampedArray(HEIGHT * WIDTH).fill(200));
    ink.stroke({ x: 5, y: 10 }, { x: 20, y: 10 }, 3, 40);
    const image = ink.image();
    assert.equal(image[10 * WIDTH + 12], 40);
    assert.equal(image[2 * WIDTH + 12], 200);
  });
});
