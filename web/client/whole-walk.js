// A chain taken to its end for a figure that has no transport: it pauses while nobody looks and is
// closed when it is over or not wanted any more.

/** @typedef {import("../protocol/messages.js").Frame} Frame */

/** Whether a walk neither begins nor ends with this frame: what is left out where no motion is wanted. @param {Frame} frame */
export const isBetween = ({ index, done }) => index > 0 && !done;

/**
 * All frames of a chain, one after the other; the last is `done`. It ends early where the signal is aborted.
 * @param {import("./engine.js").Engine} engine
 * @param {import("../protocol/messages.js").ChainOptions} options
 * @param {AbortSignal} signal
 * @param {import("../basics/gate.js").Gate} gate
 * @returns {AsyncGenerator<{ frame: Frame, timesteps: Uint32Array, alphasCumprod: Float64Array, shape: number[] }>}
 */
export async function* wholeWalk(engine, options, signal, gate) {
  const chain = await engine.open(options, signal);
  if (chain === null) return;
  const { timesteps, alphasCumprod, shape } = chain;
  try {
    for (;;) {
      await gate.pass(signal);
      if (signal.aborted) return;
      const frame = await chain.step();
      if (frame === null || signal.aborted) return;
      yield { frame, timesteps, alphasCumprod, shape };
      if (frame.done || signal.aborted) return;
    }
  } finally {
    chain.close();
  }
}
