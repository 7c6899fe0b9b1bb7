// The device computes one thing at a time, in the order of the calls, and nothing is freed meanwhile.

/** The end of the queue. */
let queue = Promise.resolve();
/** The call that is being computed. @type {number | null} */
let now = null;
/** Calls that were cancelled before they were answered. */
const cancelled = new Set();
/** Calls that are queued. */
const open = new Set();

/** @returns {number | null} the call that is being computed, if any */
export function current() {
  return now;
}

/**
 * Runs work after all work that was queued before it.
 * @template T
 * @param {number | null} call that it belongs to
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export function inTurn(call, work) {
  const result = queue.then(async () => {
    now = call;
    try {
      return await work();
    } finally {
      now = null;
    }
  });
  queue = result.then(
    () => {},
    () => {},
  );
  return result;
}

/**
 * As inTurn, but work of a call that has been cancelled is skipped.
 * @template T
 * @param {number} call
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export function inTurnUnlessCancelled(call, work) {
  open.add(call);
  return inTurn(call, async () => {
    open.delete(call);
    return cancelled.delete(call) ? undefined : work();
  });
}

/** @param {number} call */
export function cancel(call) {
  if (open.has(call)) cancelled.add(call);
}
