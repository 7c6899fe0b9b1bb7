// What happens while the page is used and concerns all of it, in a line at the foot of the window.

import { element, setText } from "../screen/dom.js";

/** Says a sentence until the visitor has read it. @param {string} sentence */
export function showNotice(sentence) {
  setText(element("notice-text", HTMLElement), sentence);
  element("notice", HTMLElement).dataset["shown"] = "";
}

/** Lets the visitor put the line away. */
export function setUpNotices() {
  element("notice-close", HTMLButtonElement).addEventListener("click", () => {
    delete element("notice", HTMLElement).dataset["shown"];
    setText(element("notice-text", HTMLElement), "");
  });
}
