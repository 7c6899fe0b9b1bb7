// A model from the visitor's files is gone after a reload: only its name is kept, as long as the tab is open, to say so.

const KEY = "walkback-local-model";

/** Keeps the name of a model from files; null: another one is shown. @param {string | null} name */
export function rememberLocal(name) {
  try {
    if (name === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, name);
  } catch {
    // Where a page may store nothing, nothing is said after a reload.
  }
}

/** The name of the model that this tab had from files before it was loaded again; null if it had none. */
export function recallLocal() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
