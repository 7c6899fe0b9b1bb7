// A photo of a digit on paper, as MNIST would have it: the ink separated from the paper, cropped to it, as large as
// 20 x 20 pixels, and with its centre of mass in the middle of 28 x 28 (LeCun et al. 1998). Needs no browser.

/** A picture in shades of grey from 0 to 255. @typedef {{ values: ArrayLike<number>, width: number, height: number }} Grey */

/** Of the side of MNIST's images, what the ink fills. */
const FILLED = 20 / 28;
/** MNIST's strokes are about so wide, of 28 pixels. */
const STROKE = 2.2 / 28;
/** Ink must be so much darker than the paper around it. */
const CONTRAST = 25;
/** Of the largest connected piece of ink, what a piece has to be not to be a speck. */
const SPECK = 0.05;
/** Points along each side of a pixel that are averaged. */
const FINE = 8;

/** Whether a picture is ink on paper rather than light on dark. @param {Grey} picture */
export function isPaper({ values }) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length > 127.5;
}

/**
 * @param {Grey} picture dark ink on light paper
 * @param {number} side of the image that is made
 * @returns {Uint8ClampedArray<ArrayBuffer>} [side, side], 255 where there is ink
 * @throws {Error} where there is none
 */
export function digitOnPaper(picture, side) {
  const { width, height } = picture;
  const ink = withoutSpecks(inkOf(picture), width, height);
  const box = boxOf(ink, width, height);
  const scale = (FILLED * side) / Math.max(box.right - box.left, box.bottom - box.top);
  // A thin pen would be next to nothing when it is made smaller.
  const lacking = (STROKE * side) / scale - strokeOf(ink, width, height);
  const bold = lacking > 0 ? grown(ink, width, height, lacking / 2) : ink;
  const { x, y } = middleOf(bold, width);
  /** The middle of the image shows the middle of the ink, unless the ink would leave it. @param {number} at @param {number} from @param {number} to */
  const shown = (at, from, to) => {
    const half = side / 2 / scale;
    return Math.max(to - half, Math.min(from + half, at));
  };
  const [cx, cy] = [shown(x, box.left, box.right), shown(y, box.top, box.bottom)];
  return Uint8ClampedArray.from({ length: side * side }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < FINE * FINE; k++) {
      const [dx, dy] = [((k % FINE) + 0.5) / FINE, (Math.floor(k / FINE) + 0.5) / FINE];
      const px = Math.floor(cx + ((i % side) + dx - side / 2) / scale);
      const py = Math.floor(cy + (Math.floor(i / side) + dy - side / 2) / scale);
      if (px >= 0 && py >= 0 && px < width && py < height) sum += bold[py * width + px] ?? 0;
    }
    return (255 * sum) / FINE ** 2;
  });
}

/** 1 where it is darker than the paper around it, whatever the light. @param {Grey} picture @returns {Uint8Array} */
function inkOf({ values, width, height }) {
  const paper = blurred(values, width, height, Math.ceil(Math.max(width, height) / 4));
  const darker = Uint8ClampedArray.from(values, (value, i) => (paper[i] ?? 0) - value);
  const limit = threshold(darker);
  const ink = Uint8Array.from(darker, (value) => (value > limit ? 1 : 0));
  let sum = 0;
  let count = 0;
  darker.forEach((value, i) => {
    if (ink[i] === 1) ((sum += value), (count += 1));
  });
  if (count === 0 || sum / count < CONTRAST) {
    throw new Error("No ink was found in this photo; take one of dark ink on light paper.");
  }
  return ink;
}

/** The mean of the pixels within a reach, in a square. @param {ArrayLike<number>} values @param {number} width @param {number} height @param {number} reach */
function blurred(values, width, height, reach) {
  const line = width + 1;
  const sums = new Float64Array(line * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += values[y * width + x] ?? 0;
      sums[(y + 1) * line + x + 1] = (sums[y * line + x + 1] ?? 0) + row;
    }
  }
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const [l, r] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
    const [t, b] = [Math.max(0, y - reach), Math.min(height, y + reach + 1)];
    /** @param {number} row @param {number} column */
    const sum = (row, column) => sums[row * line + column] ?? 0;
    return (sum(b, r) - sum(t, r) - sum(b, l) + sum(t, l)) / ((r - l) * (b - t));
  });
}

/** Where two kinds of values part best (Otsu 1979). @param {Uint8ClampedArray} values */
function threshold(values) {
  const counts = new Float64Array(256);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  const total = counts.reduce((sum, count, value) => sum + count * value, 0);
  let [below, sum, best, found] = [0, 0, -1, 0];
  counts.forEach((count, value) => {
    below += count;
    sum += count * value;
    const above = values.length - below;
    if (below === 0 || above === 0) return;
    const parted = below * above * (sum / below - (total - sum) / above) ** 2;
    if (parted > best) [best, found] = [parted, value];
  });
  return found;
}

/** Without pieces that are small beside the largest. @param {Uint8Array} ink @param {number} width @param {number} height */
function withoutSpecks(ink, width, height) {
  const piece = new Int32Array(ink.length).fill(-1);
  /** @type {number[]} */
  const sizes = [];
  for (let start = 0; start < ink.length; start++) {
    if (ink[start] !== 1 || piece[start] !== -1) continue;
    const stack = [start];
    piece[start] = sizes.length;
    let size = 0;
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      size += 1;
      const x = i % width;
      const beside = [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width];
      for (const other of beside) {
        if (other < 0 || other >= width * height) continue;
        if (ink[other] !== 1 || piece[other] !== -1) continue;
        piece[other] = sizes.length;
        stack.push(other);
      }
    }
    sizes.push(size);
  }
  const least = SPECK * Math.max(...sizes);
  return ink.map((value, i) => (value === 1 && (sizes[piece[i] ?? 0] ?? 0) >= least ? 1 : 0));
}

/** @param {Uint8Array} ink @param {number} width @param {number} height */
function boxOf(ink, width, height) {
  const box = { left: width, right: 0, top: height, bottom: 0 };
  ink.forEach((value, i) => {
    if (value === 0) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x + 1);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y + 1);
  });
  return box;
}

/** The width of a stroke: twice its area by its edge. @param {Uint8Array} ink @param {number} width @param {number} height */
function strokeOf(ink, width, height) {
  let [area, edge] = [0, 0];
  ink.forEach((value, i) => {
    if (value === 0) return;
    area += 1;
    const x = i % width;
    const beside = [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width];
    if (beside.some((other) => other < 0 || other >= width * height || ink[other] === 0)) edge += 1;
  });
  return (2 * area) / edge;
}

/** With all pixels up to a reach from the ink. @param {Uint8Array} ink @param {number} width @param {number} height @param {number} reach */
function grown(ink, width, height, reach) {
  // How far the ink is, in two passes over the picture: straight 1, diagonal the root of 2.
  const far = Float32Array.from(ink, (value) => (value === 1 ? 0 : Infinity));
  /** @param {number} i @param {number} sign */
  const relax = (i, sign) => {
    const x = i % width;
    const [before, after] = sign > 0 ? [x > 0, x < width - 1] : [x < width - 1, x > 0];
    /** @param {boolean} there @param {number} offset @param {number} way */
    const by = (there, offset, way) => {
      const other = i - sign * offset;
      if (there && other >= 0 && other < width * height) {
        far[i] = Math.min(far[i] ?? 0, (far[other] ?? Infinity) + way);
      }
    };
    by(before, 1, 1);
    by(before, width + 1, Math.SQRT2);
    by(true, width, 1);
    by(after, width - 1, Math.SQRT2);
  };
  for (let i = 0; i < far.length; i++) relax(i, 1);
  for (let i = far.length - 1; i >= 0; i--) relax(i, -1);
  return Uint8Array.from(far, (distance) => (distance <= reach ? 1 : 0));
}

/** The centre of mass, in pixels. @param {Uint8Array} ink @param {number} width */
function middleOf(ink, width) {
  let [x, y, mass] = [0, 0, 0];
  ink.forEach((value, i) => {
    x += value * ((i % width) + 0.5);
    y += value * (Math.floor(i / width) + 0.5);
    mass += value;
  });
  return { x: x / mass, y: y / mass };
}
