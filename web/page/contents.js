// The table of contents: a link to each figure that exists.

import { element, h } from "../screen/dom.js";

/** Must be called when it is known which sections are shown. */
export function listContents() {
  const nav = element("contents", HTMLElement);
  const sections = document.querySelectorAll(".walk, section.lesson:not([hidden])");
  const entries = [...sections].map((section) => {
    const heading = section.querySelector("h2");
    const name = heading?.textContent?.trim() ?? section.getAttribute("aria-label");
    return h("li", {}, h("a", { href: `#${section.id}` }, name));
  });
  nav.hidden = entries.length === 1;
  nav.append(h("ol", {}, ...entries));
}
