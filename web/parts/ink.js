// What is on a drawing pad, as numbers from 0 (nothing) to 255 (ink). The canvas only shows it, because browsers
// that guard privacy alter what is read back from a canvas.

/** @typedef {{ x: number, y: number }} Point in pixels of the image */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box in fine pixels */

export class Ink {
  #height;
  #width;
  #fine;
  #values;

  /**
   * @param {number} height of the image
   * @param {number} width
   * @param {number} fine it is drawn this many times larger and averaged down, for soft edges like those of MNIST
   */
  constructor(height, width, fine) {
    this.#height = height;
    this.#width = width;
    this.#fine = fine;
    this.#values = new Uint8ClampedArray(height * fine * width * fine);
  }

  /** [height * fine, width * fine] */
  get values() {
    return this.#values;
  }

  /** All of it. @returns {Box} */
  get box() {
    return { x: 0, y: 0, width: this.#width * this.#fine, height: this.#height * this.#fine };
  }

  clear() {
    this.#values.fill(0);
  }

  /** Takes a picture. @param {(i: number) => number} value of each fine pixel, 0 to 255, in reading order */
  fill(value) {
    this.#values.forEach((_, i) => (this.#values[i] = value(i)));
  }

  /** Takes an image, whose pixels become squares. @param {Uint8ClampedArray} pixels [height, width] */
  put(pixels) {
    const line = this.#width * this.#fine;
    this.fill((i) => {
      const row = Math.floor(i / line / this.#fine);
      return pixels[row * this.#width + Math.floor((i % line) / this.#fine)] ?? 0;
    });
  }

  /**
   * A straight stroke with round ends.
   * @param {Point} from
   * @param {Point} to
   * @param {number} pen its width in pixels of the image
   * @param {number | null} [value] what it covers the pad with, 0 to 255, as a channel of a colour; null: ink, which only adds
   * @returns {Box} what has changed
   */
  stroke(from, to, pen, value = null) {
    const fine = this.#fine;
    const line = this.#width * fine;
    const radius = (pen * fine) / 2;
    const [x0, y0] = [from.x * fine, from.y * fine];
    const [dx, dy] = [to.x * fine - x0, to.y * fine - y0];
    const square = dx * dx + dy * dy;
    /** @param {number} a @param {number} b @param {number} end */
    const span = (a, b, end) => [
      Math.max(0, Math.floor(Math.min(a, b) - radius - 1)),
      Math.min(end, Math.ceil(Math.max(a, b) + radius + 1)),
    ];
    const [left = 0, right = 0] = span(x0, x0 + dx, line);
    const [top = 0, bottom = 0] = span(y0, y0 + dy, this.#height * fine);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = square > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / square)) : 0;
        const away = Math.hypot(px - along * dx, py - along * dy);
        const share = Math.min(1, radius + 0.5 - away);
        const i = y * line + x;
        const before = this.#values[i] ?? 0;
        if (value !== null) {
          if (share > 0) this.#values[i] = before + (value - before) * share;
        } else if (255 * share > before) this.#values[i] = 255 * share;
      }
    }
    return {
      x: left,
      y: top,
      width: Math.max(0, right - left),
      height: Math.max(0, bottom - top),
    };
  }

  /** The image: the mean of each pixel's fine ones. @returns {Uint8ClampedArray<ArrayBuffer>} [height, width] */
  image() {
    const line = this.#width * this.#fine;
    const sums = new Float64Array(this.#height * this.#width);
    this.#values.forEach((value, i) => {
      const row = Math.floor(i / line / this.#fine);
      const pixel = row * this.#width + Math.floor((i % line) / this.#fine);
      sums[pixel] = (sums[pixel] ?? 0) + value;
    });
    return Uint8ClampedArray.from(sums, (sum) => sum / this.#fine ** 2);
  }
}
