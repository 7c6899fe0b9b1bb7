// What the three instruments of "Bend it" have in common.

/** @typedef {import("../../engine.js").Engine} Engine */
/** @typedef {import("../../protocol.js").Frame} Frame */

/** Steps of the whole way from noise, where the sampler stirs in fresh noise. */
export const NOISY_STEPS = 40;
/** Steps of the whole way where it adds none, or where each is taken several times. */
export const FEW_STEPS = 20;

/**
 * Walks a chain to its end, or until the signal is aborted.
 * @param {Engine} engine
 * @param {import("../../protocol.js").ChainOptions} options
 * @param {ReturnType<typeof import("../../gate.js").createGate>} gate
 * @param {(frame: Frame, shape: number[], left: number) => void} show after each step; how many are left
 * @param {AbortSignal} signal
 */
export async function walkThrough(engine, options, gate, show, signal) {
  const chain = await engine.open(options, signal);
  if (chain === null) return;
  try {
    for (let left = chain.timesteps.length - 1; left >= 0; left--) {
      await gate.open(signal);
      if (signal.aborted) return;
      const frame = await chain.step();
      if (frame === null || signal.aborted) return;
      show(frame, chain.shape, left);
    }
  } finally {
    chain.close();
  }
}

/**
 * One grey picture as many images of the model.
 * @param {Float32Array} plane [h, w]
 * @param {number} copies of the plane: images times channels
 */
export function repeated(plane, copies) {
  const all = new Float32Array(plane.length * copies);
  for (let i = 0; i < copies; i++) all.set(plane, i * plane.length);
  return all;
}

/** The steps that a model can take. @param {number} wish @param {import("../../protocol.js").ModelInfo} info */
export const stepsOf = (wish, { trainTimesteps }) => Math.min(wish, trainTimesteps);
