// A word with its meaning behind it: shown while it is pointed at or has the focus, and at a tap. The meanings stand
// once, in the glossary of index.html, where they can also be read in a row or printed.
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

function hide() {
  keep();
  shownAt?.removeAttribute("data-shown");
  shownAt = null;
  tip?.hidePopover?.();
}

function hideSoon() {
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
function show(word, meaning) {
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

/** A meaning in the glossary. @param {string} name */
export const meaningOf = (name) => document.getElementById(`word-${name}`);

/**
 * A word of the glossary.
 * @param {string} name of its meaning: the element with the id word-NAME
 * @param {...(Node | string)} content the word itself
 * @returns {HTMLElement} just the content where the glossary has no such word
 */
export function createWord(name, ...content) {
  const meaning = meaningOf(name);
  if (meaning === null) return h("span", {}, ...content);
  const word = h(
    "button",
    { type: "button", class: "word", "aria-describedby": meaning.id },
    ...content,
  );
  // A symbol is not read out; its name in the glossary stands behind a comma.
  const symbol = word.querySelector("math");
  if (symbol !== null) {
    const entry = meaning.previousElementSibling?.textContent ?? name;
    symbol.setAttribute("aria-hidden", "true");
    word.append(h("span", { class: "unseen" }, entry.slice(entry.indexOf(",") + 1).trim()));
  }
  word.addEventListener("pointerenter", ({ pointerType }) => {
    // A finger taps.
    if (pointerType !== "touch") show(word, meaning);
  });
  word.addEventListener("pointerleave", hideSoon);
  word.addEventListener("focus", () => show(word, meaning));
  word.addEventListener("blur", hide);
  word.addEventListener("click", () => show(word, meaning));
  return word;
}

/**
 * The name that is seen beside a control. As a word of the glossary it is a button, which no label may hold: the control
 * is then named by the word itself.
 * @param {HTMLElement} control with an id
 * @param {string} text
 * @param {string} [name] of its meaning, where it has one
 */
export function createName(control, text, name) {
  if (name === undefined) return h("label", { class: "name", for: control.id }, text);
  const word = createWord(name, text);
  word.id = `${control.id}-name`;
  control.setAttribute("aria-labelledby", word.id);
  return h("span", { class: "name" }, word);
}

/** Makes a word of the glossary of each element that names one. @param {ParentNode} root */
export function defineWords(root) {
  for (const place of root.querySelectorAll("[data-word]")) {
    place.replaceWith(createWord(place.getAttribute("data-word") ?? "", ...place.childNodes));
  }
}
