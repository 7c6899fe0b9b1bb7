// The page's help: a dialog that the question mark opens anywhere.

import { createSwitch } from "../parts/switch.js";
import { element, find } from "../screen/dom.js";
import { setSingleKeys, singleKeys } from "../screen/single-keys.js";

/** @returns {HTMLDialogElement} closed */
export function setUpHelp() {
  const dialog = element("help", HTMLDialogElement);
  const toggle = () => {
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
  element("help-close", HTMLButtonElement).addEventListener("click", () => dialog.close());
  // A click next to the dialog is outside it.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  const keys = createSwitch({
    label: "Keys of a single character",
    hint: "Turn them off if speech input or stray key presses trigger them.",
    value: singleKeys(),
    onChange: setSingleKeys,
  });
  find(dialog, ".help", HTMLElement).append(keys.element);
  document.addEventListener("keydown", (event) => {
    if (!singleKeys() || event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const focus = event.target;
    if (focus instanceof Element && focus.matches("input[type=text], textarea, select")) return;
    event.preventDefault();
    toggle();
  });
  return dialog;
}
