// A chain taken to its end for a figure that has no transport: it pauses while nobody looks and is
// closed when it is over or not wanted any more.

/** @typedef {import("./protocol.js").Frame} Frame */

/** Where work waits while its figure rests. */
export function createGate() {
  let resting = false;
  let open = () => {};
  /** @type {Promise<void>} */
  let opened = Promise.resolve();
  return {
    /** @param {boolean} value */
    rest(value) {
      if (value === resting) return;
      resting = value;
      if (!resting) open();
      else opened = new Promise((resolve) => (open = resolve));
    },
    /** Until the figure is looked at, or the work is not wanted any more. @param {AbortSignal} signal */
    async pass(signal) {
      if (!resting || signal.aborted) return;
      const aborted = new Promise((resolve) =>
        signal.addEventListener("abort", resolve, { once: true }),
      );
      while (resting && !signal.aborted) await Promise.race([opened, aborted]);
    },
  };
}

/** @typedef {ReturnType<typeof createGate>} Gate */

/**
 * All frames of a chain, one after the other; the last is `done`. It ends early where the signal is aborted.
 * @param {import("./engine.js").Engine} engine
 * @param {import("./protocol.js").ChainOptions} options
 * @param {AbortSignal} signal
 * @param {Gate} gate
 * @returns {AsyncGenerator<{ frame: Frame, timesteps: Uint32Array, shape: number[] }>}
 */
export async function* wholeWalk(engine, options, signal, gate) {
  const chain = await engine.open(options, signal);
  if (chain === null) return;
  const { timesteps, shape } = chain;
  try {
    for (;;) {
      await gate.pass(signal);
      if (signal.aborted) return;
      const frame = await chain.step();
      if (frame === null || signal.aborted) return;
      yield { frame, timesteps, shape };
      if (frame.done || signal.aborted) return;
    }
  } finally {
    chain.close();
  }
}
