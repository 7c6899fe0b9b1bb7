// Rows of the table, and how they are printed.

/**
 * @typedef {object} Row
 * @property {string} what
 * @property {string} unit
 * @property {number} ours
 * @property {number | null} peer the same of ONNX Runtime Web or PyTorch, in the same run
 * @property {number | null} ratio ours to the peer's
 * @property {number | null} goal of the ratio where there is a peer to be compared with, else of our figure; null: none
 * @property {boolean} least whether the goal is the least that the ratio should be, else the most
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}

/**
 * @param {string} what
 * @param {string} unit
 * @param {number} ours
 * @param {number | null} peer
 * @param {number | null} ratioGoal the ratio to reach
 * @param {number | null} [goal] the figure to reach
 * @returns {Row & { compared: boolean }}
 */
export function row(what, unit, ours, peer, ratioGoal, goal = null) {
  const ratio = peer === null ? null : ours / peer;
  const compared = ratioGoal !== null;
  return { what, unit, ours, peer, ratio, goal: ratioGoal ?? goal, least: false, compared };
}

/**
 * How many times as fast we are as without something, which stands in the peer's column.
 * @param {string} what
 * @param {string} unit
 * @param {number} ours
 * @param {number} without
 * @param {number} goal the ratio to reach
 * @returns {ReturnType<typeof row>}
 */
export function speedup(what, unit, ours, without, goal) {
  const ratio = without / ours;
  return { what, unit, ours, peer: without, ratio, goal, least: true, compared: true };
}

/** @param {number} value */
const short = (value) =>
  Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** @param {ReturnType<typeof row>[]} rows */
export function print(rows) {
  const cells = rows.map(({ what, unit, ours, peer, ratio, goal, least, compared }) => {
    const figure = compared ? ratio : ours;
    const reached = goal !== null && figure !== null && (least ? figure >= goal : figure <= goal);
    const verdict = goal === null || figure === null ? "" : reached ? "reached" : "not reached";
    const wanted =
      goal === null ? "" : `at ${least ? "least" : "most"} ${goal}${compared ? " x" : ""}`;
    return [
      what,
      `${short(ours)} ${unit}`.trim(),
      peer === null ? "" : `${short(peer)} ${unit}`.trim(),
      ratio === null ? "" : `${ratio.toFixed(2)} x`,
      wanted,
      verdict,
    ];
  });
  const head = ["what", "walkback", "peer", "ratio", "to reach", ""];
  const widths = head.map((title, i) =>
    Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)),
  );
  for (const line of [head, ...cells]) {
    console.log(
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    );
  }
}
