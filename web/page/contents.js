// The table of contents: a link to each figure that exists.

import { element, h } from "../screen/dom.js";
import { goTo } from "./places.js";

/** Must be called when it is known which sections are shown. */
export function listContents() {
  const nav = element("contents", HTMLElement);
  const sections = document.querySelectorAll(".walk, section.lesson:not([hidden])");
  const entries = [...sections].map((section) => {
    const heading = section.querySelector("h2");
    const name = heading?.textContent?.trim() ?? section.getAttribute("aria-label");
    const link = h("a", { href: `#${section.id}` }, name);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      // Behind the # are the settings of the page; going somewhere must not replace them.
      event.preventDefault();
      goTo(section.id);
    });
    return h("li", {}, link);
  });
  nav.hidden = entries.length === 1;
  nav.append(h("ol", {}, ...entries));
}
