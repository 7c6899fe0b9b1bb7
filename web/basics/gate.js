// Pauses work of many steps between two of them, while its figure is out of sight.

/** @typedef {ReturnType<typeof createGate>} Gate */

export function createGate() {
  let shut = false;
  /** @type {Set<() => void>} */
  const waiting = new Set();
  return {
    /** @param {boolean} resting true: who comes next waits */
    rest(resting) {
      shut = resting;
      if (!shut) for (const wake of waiting) wake();
    },
    /**
     * Await it before each step.
     * @param {AbortSignal} signal
     * @returns {Promise<void>} when the gate is open, or the signal aborted
     */
    async pass(signal) {
      while (shut && !signal.aborted) {
        await new Promise((/** @type {(value: void) => void} */ resolve) => {
          const wake = () => {
            waiting.delete(wake);
            signal.removeEventListener("abort", wake);
            resolve();
          };
          waiting.add(wake);
          signal.addEventListener("abort", wake);
        });
      }
    },
  };
}
