// Of many quick requests only the newest is worth computing.

/**
 * Wraps work so that of many requests only the newest is finished: a new one cancels the running one through its
 * signal, and requests in between are never begun.
 * @template {unknown[]} A
 * @param {(signal: AbortSignal, ...request: A) => Promise<void>} work pass the signal on to the engine; stop when it is aborted
 * @param {(error: unknown) => void} fail
 */
export function latest(work, fail) {
  /** @type {A | null} */
  let wanted = null;
  /** @type {AbortController | null} */
  let running = null;
  let resting = false;

  const go = async () => {
    if (running !== null || resting) return;
    while (wanted !== null && !resting) {
      const request = wanted;
      wanted = null;
      running = new AbortController();
      const { signal } = running;
      try {
        await work(signal, ...request);
      } catch (error) {
        if (!signal.aborted) fail(error);
      }
      running = null;
    }
  };

  return {
    /** @param {A} request */
    ask(...request) {
      wanted = request;
      running?.abort();
      // Changes in one task of the page are one request.
      queueMicrotask(go);
    },
    /** Cancels what runs and what is queued. */
    cancel() {
      wanted = null;
      running?.abort();
    },
    /** While it rests nothing new is begun; the newest request waits. @param {boolean} value */
    rest(value) {
      resting = value;
      if (!resting) queueMicrotask(go);
    },
  };
}
