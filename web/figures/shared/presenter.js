// One figure in full screen, for who shows it to others.

import { singleKeys } from "../../screen/single-keys.js";

/** Not on an iPhone, nor in a frame that does not allow it. */
export const canPresent = () => document.fullscreenEnabled;

/** @param {HTMLElement} frame */
export async function togglePresented(frame) {
  try {
    if (document.fullscreenElement === frame) await document.exitFullscreen();
    else await present(frame);
  } catch (error) {
    // The browser may refuse at any time; then the page stays as it is.
    console.warn(error);
  }
}

/** Shows a figure alone, with what is behind "More" folded meanwhile. @param {HTMLElement} frame */
async function present(frame) {
  const folded = new AbortController();
  const { signal } = folded;
  for (const more of frame.querySelectorAll("details.more[open]")) {
    more.removeAttribute("open");
    signal.addEventListener("abort", () => more.setAttribute("open", ""));
  }
  const over = () => {
    if (document.fullscreenElement !== frame) folded.abort();
  };
  try {
    await frame.requestFullscreen();
    document.addEventListener("fullscreenchange", over, { signal });
  } catch (error) {
    folded.abort();
    throw error;
  }
}

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
