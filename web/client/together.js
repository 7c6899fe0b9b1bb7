// Examples one by one, as a figure shows them, and in one array, as they are learned from.

/** @param {readonly Float32Array[]} examples */
export function together(examples) {
  const all = new Float32Array(examples.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const example of examples) {
    all.set(example, at);
    at += example.length;
  }
  return all;
}

/** @param {Float32Array} all @param {number[]} shape of one */
export function apart(all, shape) {
  const size = shape.reduce((product, side) => product * side, 1);
  return Array.from({ length: Math.floor(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );
}
