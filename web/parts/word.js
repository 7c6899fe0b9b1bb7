// A word with its meaning behind it: shown while it is pointed at or has the focus, and at a tap. The meanings stand
// once, in the glossary of index.html, where they can also be read in a row or printed. How they are shown is loaded when
// the first of them is to be.

import { loadModule } from "../basics/load-module.js";
import { h } from "../screen/dom.js";

/** @type {typeof import("./meaning.js") | null} */
let tips = null;

/** Loads what shows meanings. */
export async function loadMeanings() {
  return (tips ??= await loadModule(() => import("./meaning.js"), "show"));
}

/** Shows a word's meaning, if that is still wanted once it can be shown. @param {HTMLElement} word @param {Element} meaning */
async function show(word, meaning) {
  if (tips !== null) {
    tips.show(word, meaning);
    return;
  }
  try {
    const { show } = await loadMeanings();
    if (word.matches(":hover, :focus")) show(word, meaning);
  } catch {
    // Then the browser itself shows it, to a pointer.
    word.title = meaning.textContent?.trim() ?? "";
  }
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
  word.addEventListener("pointerleave", () => tips?.hideSoon());
  word.addEventListener("focus", () => show(word, meaning));
  word.addEventListener("blur", () => tips?.hide());
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
