// The page's functions for the methods of the workers: they follow from the tables in protocol/calls.js.

/** @typedef {import("../protocol/calls.js").Calls} Calls */
/** @typedef {import("../protocol/calls.js").Method} Method */

/**
 * @template {Method} M
 * @typedef {{ [K in M]: (params: Calls[K]["params"], signal?: AbortSignal) => Promise<Calls[K]["result"]> }} Asking
 */

/**
 * A class that has a function for each method of a table: `noise(params, signal)` is `ask("noise", params, signal)`,
 * which classes that extend it define.
 * @template {Method} M
 * @param {Record<M, object>} table
 * @returns {new () => Asking<M>}
 */
export function asking(table) {
  class Base {}
  for (const method of Object.keys(table)) {
    Object.defineProperty(Base.prototype, method, {
      /** @this {{ ask: Function }} @param {unknown} params @param {AbortSignal} [signal] */
      value(params, signal) {
        return this.ask(method, params, signal);
      },
    });
  }
  return /** @type {any} */ (Base);
}
