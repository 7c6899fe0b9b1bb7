// Ctrl-Z takes the last change of a setting back, a stroke on a pad too; on a Mac it is with the command key. Who has no
// keys has a button below each figure: figures/shared/frame.js.

/** @param {import("../settings/kept-in-address.js").AllSettings} allSettings */
export function listenForUndo(allSettings) {
  /** @param {KeyboardEvent} event */
  const listen = (event) => {
    if (event.key.toLowerCase() !== "z" || event.shiftKey || event.altKey) return;
    if (!event.ctrlKey && !event.metaKey) return;
    const focus = event.target;
    // What is typed the browser takes back.
    if (focus instanceof Element && focus.matches("input[type=text], input[type=number], textarea"))
      return;
    if (allSettings.undo()) event.preventDefault();
  };
  document.addEventListener("keydown", listen);
}
