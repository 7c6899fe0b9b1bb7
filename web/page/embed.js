// An embed: one figure of the page alone, in a frame of another page.

import { frameOf } from "../figures/shared/frame.js";
import { element, h } from "../screen/dom.js";

/** What is needed wherever a figure is: sentences, and dialogs that are closed until they are opened. */
const STAYS = "dialog, script, .notice, .foot-notice, .drop-veil";

/**
 * Hides all of the page but one figure, which keeps what is hidden from being created.
 * @param {string} name of the figure
 * @returns {boolean} whether the page has it
 */
export function showAlone(name) {
  const root = document.querySelector(`[data-figure="${CSS.escape(name)}"]`);
  const frame = root === null ? null : frameOf(root);
  if (root === null || frame === null) return false;
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
  return true;
}
