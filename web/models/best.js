// What best.json of a model folder says: with which guidance and how many steps the model is at its best, as
// `walkback eval --best` measured it.

/**
 * @typedef {object} Best
 * @property {[number, number] | null} guidanceScale the lowest and the highest that suit; null: not measured
 * @property {number} numInferenceSteps with so many steps, more hardly help
 * @property {string} sampler with which both were measured
 */

/**
 * Reads best.json. It is advice: without it, or with one that is damaged, the model walks all the same.
 * @param {string | undefined} text
 * @returns {Best | null} null: no advice
 */
export function parseBest(text) {
  if (text === undefined) return null;
  try {
    const { guidance_scale, num_inference_steps, sampler } = JSON.parse(text);
    const isRange =
      Array.isArray(guidance_scale) &&
      guidance_scale.length === 2 &&
      guidance_scale.every(Number.isFinite) &&
      guidance_scale[0] <= guidance_scale[1];
    if (!isRange && guidance_scale !== null && guidance_scale !== undefined) return null;
    if (!Number.isInteger(num_inference_steps) || num_inference_steps < 1) return null;
    if (typeof sampler !== "string" || !/^[a-z_+ -]{1,20}$/i.test(sampler)) return null;
    return {
      guidanceScale: isRange ? [guidance_scale[0], guidance_scale[1]] : null,
      numInferenceSteps: num_inference_steps,
      sampler,
    };
  } catch {
    return null;
  }
}
