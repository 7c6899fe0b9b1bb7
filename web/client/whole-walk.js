// Walks a chain to its end for a figure without a transport. It pauses while the figure is out of sight, and the chain
// is closed at the end or when it is cancelled.

/** @typedef {import("../protocol/messages.js").Frame} Frame */

/** Whether a walk neither begins nor ends with this frame; such frames are left out if motion is reduced. @param {Frame} frame */
export const isBetween = ({ index, done }) => index > 0 && !done;

/**
 * All frames of a chain, one after the other; the last is `done`. It ends early where the signal is aborted. Where only its
 * ends are seen, a GPU is let take several steps at once, and some frames are left out.
 * @param {import("./engine.js").Engine} engine
 * @param {import("../protocol/messages.js").ChainOptions} options
 * @param {AbortSignal} signal
 * @param {import("../basics/gate.js").Gate} gate
 * @param {boolean} [onlyEnds] whether nobody sees what is between the first frame and the last
 * @returns {AsyncGenerator<{ frame: Frame, timesteps: Uint32Array, alphasCumprod: Float64Array, shape: number[] }>}
 */
export async function* wholeWalk(engine, options, signal, gate, onlyEnds = false) {
  const chain = await engine.open(options, signal);
  if (chain === null) return;
  const { timesteps, alphasCumprod, shape } = chain;
  try {
    for (;;) {
      await gate.pass(signal);
      if (signal.aborted) return;
      const frame = await (onlyEnds ? chain.advance(Infinity) : chain.step());
      if (frame === null || signal.aborted) return;
      yield { frame, timesteps, alphasCumprod, shape };
      if (frame.done || signal.aborted) return;
    }
  } finally {
    chain.close();
  }
}
