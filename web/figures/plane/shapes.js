// What the plane's crowd is to become: a finite set of points, of a ready shape or drawn.

/** The plane is seen from -REACH to REACH both ways; y grows downwards, as on a screen. */
export const REACH = 2.75;

/** A drawing has at most so many points, which is what a link carries. */
export const MOST_POINTS = 256;

/**
 * @typedef {object} Points
 * @property {Float64Array} xy x and y of each, one after the other
 * @property {Uint8Array} labels the class of each
 * @property {string[]} classes their names; [] where all are of one kind
 */

/** @typedef {readonly [x: number, y: number]} Point */
/** @typedef {"moons" | "spiral" | "ring" | "letters"} ShapeName */

/**
 * Places on a line, equally far apart.
 * @param {readonly Point[]} line
 * @param {number} count
 * @returns {Point[]}
 */
export function along(line, count) {
  const [first = /** @type {Point} */ ([0, 0])] = line;
  /** How far each corner is from the beginning. */
  const lengths = [0];
  line.slice(1).forEach(([x, y], i) => {
    const [fromX, fromY] = line[i] ?? first;
    lengths.push((lengths[i] ?? 0) + Math.hypot(x - fromX, y - fromY));
  });
  const total = lengths.at(-1) ?? 0;
  return Array.from({ length: count }, (_, i) => {
    const wish = count === 1 ? 0 : (total * i) / (count - 1);
    const to = Math.max(
      1,
      lengths.findIndex((length) => length >= wish - 1e-9),
    );
    const [a, b] = [line[to - 1] ?? first, line[to] ?? first];
    const piece = (lengths[to] ?? 0) - (lengths[to - 1] ?? 0);
    const share = piece > 0 ? (wish - (lengths[to - 1] ?? 0)) / piece : 0;
    return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
  });
}

/** @param {number} count @param {(share: number) => Point} pointAt a share of the way from 0 to 1 */
const curve = (count, pointAt) => Array.from({ length: count }, (_, i) => pointAt(i / (count - 1)));

/** @param {number} x @param {number} y of the centre @param {number} radius @param {number} from @param {number} to angles in half turns */
const arc = (x, y, radius, from, to) =>
  curve(60, (share) => {
    const angle = Math.PI * (from + share * (to - from));
    return [x + radius * Math.cos(angle), y - radius * Math.sin(angle)];
  });

/** @param {readonly Point[][]} groups the points of each class @param {string[]} classes @returns {Points} */
function joined(groups, classes) {
  return {
    xy: Float64Array.from(groups.flat(2)),
    labels: Uint8Array.from(groups.flatMap((group, label) => group.map(() => label))),
    classes,
  };
}

/** @type {Record<ShapeName, () => Points>} */
const shapes = {
  moons: () =>
    joined(
      [along(arc(-0.55, 0.35, 1.15, 0, 1), 100), along(arc(0.55, -0.35, 1.15, 1, 2), 100)],
      ["upper", "lower"],
    ),
  spiral: () =>
    joined(
      [
        along(
          curve(400, (share) => {
            const [angle, radius] = [share * 4.6 * Math.PI, 0.12 + 1.6 * share];
            return [radius * Math.cos(angle), radius * Math.sin(angle)];
          }),
          220,
        ),
      ],
      [],
    ),
  ring: () => joined([along(arc(0, 0, 1.45, 0, 2), 181).slice(1)], []),
  letters: () =>
    joined(
      [
        [
          ...along(
            [
              [-1.75, 0.9],
              [-1.05, -0.9],
              [-0.35, 0.9],
            ],
            76,
          ),
          ...along(
            [
              [-1.45, 0.3],
              [-0.65, 0.3],
            ],
            16,
          ),
        ],
        [
          ...along(
            [
              [0.45, 0.9],
              [0.45, -0.9],
            ],
            36,
          ),
          ...along([[0.5, -0.9], ...arc(0.95, -0.46, 0.44, 0.5, -0.5), [0.5, -0.02]], 38),
          ...along([[0.95, -0.02], ...arc(1.05, 0.44, 0.46, 0.5, -0.5), [0.5, 0.9]], 42),
        ],
      ],
      ["A", "B"],
    ),
};

/** @param {ShapeName} name */
export const shapeOf = (name) => shapes[name]();

/** A drawing. @param {readonly Point[]} points @returns {Points} */
export const drawnPoints = (points) => joined([[...points]], []);

/** So near are two points of a drawing at least. */
const NEAR = 0.06;

/**
 * A drawing's points in about equal distances, however slowly the hand went, and no more of them than a link carries.
 * @param {readonly Point[]} points in the order in which they were drawn
 * @returns {Point[]}
 */
export function thinned(points) {
  for (let apart = NEAR; ; apart *= 1.15) {
    /** @type {Point[]} */
    const kept = [];
    for (const [x, y] of points) {
      if (kept.every(([a, b]) => Math.hypot(a - x, b - y) >= apart)) kept.push([x, y]);
      if (kept.length > MOST_POINTS) break;
    }
    if (kept.length <= MOST_POINTS) return kept;
  }
}

/** The nearest point that a link can name. @param {number} value */
const byteOf = (value) =>
  Math.min(255, Math.max(0, Math.round(((value + REACH) / (2 * REACH)) * 255)));
/** @param {number} byte */
const valueOf = (byte) => (byte / 255) * 2 * REACH - REACH;

/** As a link carries it. @param {Point} point @returns {Point} */
export const nameable = ([x, y]) => [valueOf(byteOf(x)), valueOf(byteOf(y))];

/** A drawing as text: two bytes for each point, in base64url. @param {readonly Point[]} points */
export function writePoints(points) {
  const binary = points.flat().map((value) => String.fromCharCode(byteOf(value)));
  return btoa(binary.join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} text @returns {Point[] | null} null where it is no drawing */
export function readPoints(text) {
  let binary;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  if (binary.length % 2 === 1 || binary.length > 2 * MOST_POINTS) return null;
  const values = [...binary].map((byte) => valueOf(byte.charCodeAt(0)));
  return Array.from({ length: values.length / 2 }, (_, i) => [
    values[2 * i] ?? 0,
    values[2 * i + 1] ?? 0,
  ]);
}
