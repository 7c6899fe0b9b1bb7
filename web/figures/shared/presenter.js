// One figure in full screen, for who shows it to others.

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
