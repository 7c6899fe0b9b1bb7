// The meaning of a word of the glossary, shown at the word.
//
// As WCAG 1.4.13 asks, the meaning can be put away with Escape, can be pointed at itself, and stays as long as either
// is pointed at or has the focus.

import { h } from "../screen/dom.js";

/** From a word to its meaning the pointer needs a moment, in milliseconds. */
const GRACE = 250;

/** Pixels between a word, its meaning and the edge of the window. */
const GAP = 8;

/** The one that is shown, at whichever word. @type {HTMLElement | null} */
let tip = null;
/** @type {HTMLElement | null} */
let shownAt = null;
let hiding = 0;

/** @returns {HTMLElement} */
function theTip() {
  if (tip !== null) return tip;
  // Above dialogs and a figure in full screen. The words hear the meaning from the glossary.
  const made = h("div", { class: "meaning", popover: "manual", "aria-hidden": "true" });
  made.addEventListener("pointerenter", keep);
  made.addEventListener("pointerleave", hideSoon);
  document.body.append(made);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || shownAt === null) return;
      hide();
      // It is all that this press puts away.
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !made.contains(target) && shownAt?.contains(target) !== true) {
      hide();
    }
  });
  addEventListener("scroll", position, { passive: true, capture: true });
  addEventListener("resize", position);
  return (tip = made);
}

const keep = () => clearTimeout(hiding);

export function hide() {
  keep();
  shownAt?.removeAttribute("data-shown");
  shownAt = null;
  tip?.hidePopover?.();
}

export function hideSoon() {
  keep();
  hiding = window.setTimeout(() => {
    if (document.activeElement !== shownAt) hide();
  }, GRACE);
}

/** Puts it below its word, or above where there is no room, inside the window. */
function position() {
  if (tip === null || shownAt === null) return;
  const word = shownAt.getBoundingClientRect();
  if (word.bottom < 0 || word.top > innerHeight) {
    hide();
    return;
  }
  const { width, height } = tip.getBoundingClientRect();
  const below = word.bottom + GAP + height <= innerHeight;
  const room = document.documentElement.clientWidth - width - GAP;
  tip.style.left = `${Math.max(GAP, Math.min(word.left, room))}px`;
  tip.style.top = `${below ? word.bottom + GAP / 2 : Math.max(GAP, word.top - height - GAP / 2)}px`;
}

/** @param {HTMLElement} word @param {Element} meaning */
export function show(word, meaning) {
  keep();
  if (shownAt === word) return;
  hide();
  const shown = theTip();
  shown.replaceChildren(...[...meaning.childNodes].map((part) => part.cloneNode(true)));
  shown.showPopover?.();
  word.dataset["shown"] = "";
  shownAt = word;
  position();
}
