// A line through losses that jump from batch to batch.

/** The smoothed line is a mean of about so many losses. */
const OVER = 20;

/** @param {readonly number[]} losses @returns {number[]} */
export function smoothed(losses) {
  let mean = losses[0] ?? 0;
  return losses.map((loss, i) => {
    mean += (loss - mean) / Math.min(OVER, i + 1);
    return mean;
  });
}
