// How long a step takes here, and whether the CPU would be faster than a GPU that turns out to be slow: software under
// the name of a GPU, or a small GPU next to a fast CPU.

/** Below this many milliseconds a step is not worth comparing. */
const SHORT = 50;

/** A time that the CPU is hardly faster than, in milliseconds for a parameter and a pixel: 20 for MNIST's model. */
const CPU_AT_BEST = 1e-8;

/** A device is clearly faster if it is this many times faster. */
const CLEARLY = 2;

/**
 * How long the network takes for one image.
 * @template T
 * @param {() => Promise<T>} evaluate the network, once
 * @returns {Promise<{ answer: T, milliseconds: number }>}
 */
export async function timed(evaluate) {
  const began = performance.now();
  const answer = await evaluate();
  return { answer, milliseconds: performance.now() - began };
}

/**
 * How long the CPU takes at least, in seconds, before it has been measured.
 * @param {import("../protocol/messages.js").ModelInfo} info
 */
export function secondsOnCpu({ parameters, imageSize: [height, width] }) {
  return (CPU_AT_BEST * parameters * height * width) / 1000;
}

/**
 * Whether a GPU is so slow that it has to be compared with the CPU.
 * @param {import("../protocol/messages.js").ModelInfo} info
 * @param {number} milliseconds that a step takes on the GPU
 */
export function isDoubtful(info, milliseconds) {
  return milliseconds > Math.max(SHORT, 1000 * secondsOnCpu(info));
}

/** Whether the CPU is clearly faster. @param {Required<import("../protocol/messages.js").StepTimes>} times */
export const cpuIsFaster = ({ cpu, webgpu }) => cpu * CLEARLY < webgpu;
