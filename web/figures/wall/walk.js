// A hundred walks in step with each other, in batches that several workers may compute. They share one draw of noise, of
// which each batch takes its part, and the sampler adds none: so the images do not depend on how large the batches are,
// nor on who computes them.

/** @typedef {import("../../client/engine.js").Engine} Engine */
/** @typedef {import("../../client/engine.js").EngineChain} EngineChain */

/**
 * @typedef {object} WallOptions
 * @property {number} seed
 * @property {number} count images in all
 * @property {number[] | null} labels one for each image; null for an unconditional model
 * @property {number} guidanceScale
 * @property {number} numInferenceSteps
 * @property {number} batch how many at once; divides count
 */

/**
 * @typedef {object} WallActions what the walk reports and needs
 * @property {() => Promise<void>} ready awaited before each evaluation of the network
 * @property {(xt: Float32Array, shape: number[], timesteps: Uint32Array) => void} begun
 * @property {(first: number, xPrev: Float32Array, shape: number[], milliseconds: number) => void} advanced a batch has taken a step; `first` is its first image
 * @property {(step: number) => void} swept all have taken `step` steps
 */

/**
 * Walks until all are images, or until the signal is aborted.
 * @param {Engine} engine
 * @param {WallOptions} options
 * @param {WallActions} actions
 * @param {AbortSignal} signal
 */
export async function walkWall(engine, options, actions, signal) {
  const { seed, count, labels, guidanceScale, numInferenceSteps, batch } = options;
  const how = /** @type {const} */ ({ seed, guidanceScale, numInferenceSteps, sampler: "dpm++" });
  // A chain of all, never stepped: its noise is the wall's, and its first time where the batches begin.
  const all = await engine.open({ ...how, count, label: labels }, signal);
  if (all === null) return;
  all.close();
  const { xt, timesteps, shape } = all;
  actions.begun(xt, shape, timesteps);

  const size = xt.length / count;
  /** @type {{ first: number, chain: EngineChain }[]} */
  const chains = [];
  for (let first = 0; first < count; first += batch) {
    const end = Math.min(count, first + batch);
    const chain = await engine.open(
      {
        ...how,
        count: end - first,
        label: labels === null ? null : labels.slice(first, end),
        from: { xt: xt.slice(first * size, end * size), timestep: timesteps[0] ?? 0 },
      },
      signal,
    );
    if (chain === null) return;
    chains.push({ first, chain });
  }
  // Ends where the model does, too.
  let ended = false;
  for (let step = 1; step <= timesteps.length; step++) {
    await engine.share(chains, {
      ready: actions.ready,
      signal,
      async work({ first, chain }, hand) {
        const frame = ended ? null : await chain.step(hand);
        ended ||= frame === null || signal.aborted;
        if (frame === null || ended) return;
        actions.advanced(first, frame.xPrev, chain.shape, frame.milliseconds);
      },
    });
    if (ended || signal.aborted) return;
    actions.swept(step);
  }
  for (const { chain } of chains) chain.close();
}
