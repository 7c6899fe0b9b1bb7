// The key f shows a figure in full screen: its own button is pressed.

import { singleKeys } from "../screen/single-keys.js";

/** The button of the figure that the focus is in, else of the one in the middle of the window. @param {Element} focus */
function buttonFor(focus) {
  const middle = innerHeight / 2;
  const buttons = [...document.querySelectorAll("[data-presents]")];
  const frames = buttons.map((button) => ({ button, frame: button.closest("[data-frame]") }));
  const found =
    frames.find(({ frame }) => frame?.contains(focus)) ??
    frames.find(({ frame }) => {
      const box = frame?.getBoundingClientRect();
      return box !== undefined && box.top <= middle && box.bottom >= middle;
    });
  return found?.button;
}

/** The key f shows a figure in full screen, and ends it. */
export function listenForPresenter() {
  document.addEventListener("keydown", (event) => {
    if (!singleKeys() || event.key !== "f" || event.repeat) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focus = event.target instanceof Element ? event.target : document.body;
    if (focus.matches("input[type=text], textarea, select")) return;
    if (focus.closest("dialog") !== null) return;
    const button = buttonFor(focus);
    if (!(button instanceof HTMLElement)) return;
    event.preventDefault();
    button.click();
  });
}
