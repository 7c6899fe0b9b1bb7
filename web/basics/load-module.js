// Modules that are loaded when they are needed, over a connection that may fail meanwhile.

/** A module failed to load. The message is a sentence for the visitor. */
export class ModuleError extends Error {
  /**
   * @param {string} message
   * @param {boolean} reload whether only a reload of the page asks for it again
   * @param {Error} cause what the browser said
   */
  constructor(message, reload, cause) {
    super(message, { cause });
    this.reload = reload;
  }
}

/** Counts the addresses that were tried instead of one that had failed. */
let others = 0;

/**
 * Loads a module, also one that has failed to load before. Firefox and older Chromes remember a failure under the
 * module's address and do not fetch it again, so it is also fetched under another address.
 * @template {object} M
 * @param {() => Promise<M>} load `() => import("...")`
 * @param {keyof M & string} name of something that the module exports
 * @returns {Promise<M>}
 * @throws {ModuleError} if it cannot be loaded; what the module itself throws stays as it is
 */
export async function loadModule(load, name) {
  try {
    return await load();
  } catch (error) {
    if (!isLoadError(error)) throw error;
    const address = addressIn(error.message);
    if (address === null) throw new ModuleError(messageFor(null), false, error);
    const other = new URL(address);
    other.searchParams.set("again", String(++others));
    /** @type {M | null} */
    const module = await import(other.href).catch((again) =>
      isLoadError(again) ? null : Promise.reject(again),
    );
    if (module !== null && name in module) return module;
    // Firefox names the file that failed, which may be one that the module imports: those are remembered, too.
    const isThere = module !== null || (await canBeFetched(address));
    throw new ModuleError(messageFor(address, isThere), isThere, error);
  }
}

/** Whether a module failed to load, in the words of Chrome and Firefox or of Safari. @param {unknown} error @returns {error is TypeError} */
const isLoadError = (error) =>
  error instanceof TypeError &&
  /dynamically imported module|importing a module script/i.test(error.message);

/** The address that a message ends with; Safari gives none. @param {string} message */
const addressIn = (message) => /https?:\S+$/.exec(message)?.[0] ?? null;

/** @param {string} address */
const canBeFetched = (address) =>
  fetch(address).then(
    ({ ok }) => ok,
    () => false,
  );

/** @param {string | null} address @param {boolean} [isThere] */
function messageFor(address, isThere = false) {
  const file = address === null ? "" : ` (${new URL(address).pathname.split("/").at(-1)})`;
  const next = isThere
    ? "This browser requests it again only after a reload of the page."
    : "Check the connection and try again.";
  return `A part of the page could not be loaded${file}. ${next}`;
}
