// The hero's keys, as long as the hero can be seen: arrows wherever the focus is on the page, single characters
// where it is in the hero or nowhere.

import { singleKeys } from "../../screen/single-keys.js";

/** How far shift and an arrow go. */
const LEAP = 10;

/**
 * @param {HTMLElement} hero
 * @param {object} actions
 * @param {() => boolean} actions.awake
 * @param {() => void} actions.togglePlay
 * @param {(steps: number) => void} actions.move
 * @param {() => void} actions.again
 * @param {() => void} actions.dice
 * @returns {() => void} ends it
 */
export function listenToKeys(hero, { awake, togglePlay, move, again, dice }) {
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (!awake() || event.ctrlKey || event.metaKey || event.altKey) return;
    const focus = event.target instanceof Element ? event.target : document.body;
    // What has a use for a key of its own keeps it: space presses buttons, arrows move sliders.
    if (focus.closest("dialog") !== null) return;
    const near = focus === document.body || hero.contains(focus);
    if (event.key.length === 1 && !(near && singleKeys())) return;
    if (event.key === " " && focus.closest("button, input, summary, a") !== null) return;
    if (event.key.length === 1 && focus.matches("input[type=text], textarea, select")) return;
    const arrow = event.key.startsWith("Arrow");
    if (arrow && focus.closest("input, select, .equations, canvas") !== null) return;
    const leap = event.shiftKey ? LEAP : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      " ": togglePlay,
      ArrowRight: () => move(leap),
      ArrowLeft: () => move(-leap),
      r: again,
      d: dice,
    };
    const action = keys[event.key];
    if (action === undefined || (event.repeat && !arrow)) return;
    event.preventDefault();
    action();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
