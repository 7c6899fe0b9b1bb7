// How many steps the instruments of "Bend it" walk in.

/** Steps of the whole way from noise, where the sampler adds fresh noise. */
export const NOISY_STEPS = 40;
/** Steps of the whole way where it adds none, or where each is repeated. */
export const FEW_STEPS = 20;

/** The steps that a model can take. @param {number} wish @param {import("../../protocol/messages.js").ModelInfo} info */
export const stepsOf = (wish, { trainTimesteps }) => Math.min(wish, trainTimesteps);
