// How straight a walk is from its noise to its image.

/**
 * The length of a walk, for each unit of the straight line from its noise to its image; 1 is straight. States count as
 * (1 - s) x_0 + s eps, in which the walks of flow matching are to be straight: x_t / (sqrt(abar_t) + sqrt(1 - abar_t)).
 * @param {readonly Float32Array[]} states x_T first, the image last
 * @param {ArrayLike<number>} alphasCumprod of each
 */
export function detour(states, alphasCumprod) {
  const points = states.map((x, i) => {
    const alphaCumprod = alphasCumprod[i] ?? 1;
    const scale = 1 / (Math.sqrt(alphaCumprod) + Math.sqrt(1 - alphaCumprod));
    return x.map((value) => scale * value);
  });
  let length = 0;
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (before !== undefined) length += distance(before, point);
  });
  const [first, last] = [points[0], points.at(-1)];
  return first === undefined || last === undefined ? NaN : length / distance(first, last);
}

/** @param {Float32Array} one @param {Float32Array} other */
function distance(one, other) {
  return Math.sqrt(one.reduce((sum, value, i) => sum + (value - (other[i] ?? NaN)) ** 2, 0));
}
