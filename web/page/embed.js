// An embed: one figure of the page alone, in a frame of another page.

import { frameOf } from "../figures/shared/frame.js";
import { element, h } from "../screen/dom.js";

/** An embed that nobody has looked at for so many milliseconds keeps no worker. */
const RELEASE_AFTER = 2000;

/** What is needed wherever a figure is: sentences, and dialogs that are closed until they are opened. */
const STAYS = "dialog, script, .notice, .foot-notice, .drop-veil";

/**
 * Hides all of the page but one figure, which keeps what is hidden from being created.
 * @param {string} name of the figure
 * @returns {HTMLElement | null} its frame; null where the page has no such figure
 */
export function showAlone(name) {
  const root = document.querySelector(`[data-figure="${CSS.escape(name)}"]`);
  const frame = root === null ? null : frameOf(root);
  if (root === null || frame === null) return null;
  document.documentElement.dataset["embed"] = "";
  frame.dataset["alone"] = "";
  for (let at = frame; at !== document.body; at = at.parentElement ?? document.body) {
    for (const other of at.parentElement?.children ?? []) {
      if (other instanceof HTMLElement && other !== at && !other.matches(STAYS))
        other.hidden = true;
    }
  }
  const heading = frame.querySelector("h2, h3");
  // Alone, it is what the document is about.
  if (heading === null) frame.prepend(h("h1", { class: "unseen" }, "Walk back"));
  else heading.setAttribute("aria-level", "1");
  document.title = `${heading?.textContent?.trim() ?? "Walk back"} · walkback`;
  // What is said while the model loads has its place in the first figure.
  if (!frame.contains(element("loading", HTMLElement))) {
    root.before(element("loading", HTMLElement), element("failure", HTMLElement));
  }
  return frame;
}

/**
 * Watches whether an embed is in sight of who reads the page around it.
 * @param {HTMLElement} frame
 * @param {(signal: AbortSignal) => void} release called where it is not, once it has been; the signal is aborted when it is again
 * @returns {Promise<void>} when it is in sight for the first time
 */
export function watchSight(frame, release) {
  return new Promise((resolve) => {
    let resting = new AbortController();
    let seen = false;
    new IntersectionObserver((changes) => {
      resting.abort();
      if (changes.at(-1)?.isIntersecting === true) {
        seen = true;
        resolve();
      } else if (seen) {
        const { signal } = (resting = new AbortController());
        setTimeout(() => {
          if (!signal.aborted) release(signal);
        }, RELEASE_AFTER);
      }
    }).observe(frame);
  });
}
