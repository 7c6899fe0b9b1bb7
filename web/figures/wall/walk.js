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
 * @typedef {object} Batch images that walk together
 * @property {number} first its first image
 * @property {EngineChain} chain
 * @property {number} step how many it has taken
 * @property {Promise<void>} latest its latest step, whatever became of it
 */

/** @typedef {import("../../client/engine.js").Frame} Frame */
/** @typedef {{ first: number, step: number, frame: Frame, shape: number[] }} Taken a batch has taken a step */

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
  /** @type {Batch[]} */
  const batches = [];
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
    batches.push({ first, chain, step: 0, latest: Promise.resolve() });
  }
  /** The step that is taken, and how many batches have taken it. */
  let [current, arrived] = [1, 0];
  /** Of later steps: nobody waits until all have taken one. @type {Taken[]} */
  const early = [];
  /** @param {Taken} taken */
  const report = (taken) => {
    if (taken.step > current) {
      early.push(taken);
      return;
    }
    actions.advanced(taken.first, taken.frame.xPrev, taken.shape, taken.frame.milliseconds);
    arrived += 1;
    if (arrived < batches.length) return;
    actions.swept(current);
    [current, arrived] = [current + 1, 0];
    early.splice(0).forEach(report);
  };
  // Ends where the model does, too.
  let ended = false;
  const steps = Array.from(timesteps, () => batches);
  await engine.share(steps.flat(), {
    ready: actions.ready,
    signal,
    async work(batch, hand) {
      const { first, chain, latest } = batch;
      const taking = latest.then(async () => {
        const frame = ended ? null : await chain.step(hand);
        ended ||= frame === null || signal.aborted;
        if (frame === null || ended) return;
        batch.step += 1;
        report({ first, step: batch.step, frame, shape: chain.shape });
      });
      // If it fails, another worker takes it.
      batch.latest = taking.catch(() => {});
      await taking;
    },
  });
  if (ended || signal.aborted) return;
  for (const { chain } of batches) chain.close();
}
