// What can be set in the plane.

import { createChoice } from "../../parts/choice.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { createSwitch } from "../../parts/switch.js";
import { setText } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { GUIDANCE, PLANE_STEPS } from "../../settings/list.js";
import { T } from "./schedule.js";

/** @typedef {import("../../settings/kept-in-address.js").Group<import("../../settings/list.js").Properties["plane"]>} PlaneSettings */
/** @typedef {keyof import("../../settings/list.js").Properties["plane"]} Setting */

/**
 * @param {PlaneSettings} settings
 * @param {object} options
 * @param {(name: Setting | null) => void} options.changed null: the address has
 * @param {{ t: () => number }} options.decided where the time is while it runs
 */
export const bindControls = (settings, { changed, decided }) =>
  bind(
    settings,
    {
      shape: (options) =>
        createChoice({
          legend: "Shape",
          className: "words",
          choices: [
            { value: "moons", name: "moons" },
            { value: "spiral", name: "spiral" },
            { value: "ring", name: "ring" },
            { value: "letters", name: "letters" },
            { value: "own", name: "yours" },
          ],
          ...options,
        }),
      steps: (options) =>
        createSlider({ label: "Number of steps", choices: PLANE_STEPS, ...options }),
      t: (options) =>
        createSlider({
          label: "Time t",
          min: -1,
          max: T - 1,
          format: (t) => (t < 0 ? "the points" : String(t)),
          ...options,
        }),
      learned: (options) =>
        createSwitch({
          label: "A learned network in place of the formula",
          hint: "It sees only noisy points and where each came from, and learns in this browser.",
          ...options,
        }),
      label: (options) =>
        createChoice({
          legend: "Walk to",
          choices: [
            { value: "any", name: "any" },
            { value: "first", name: "first" },
            { value: "second", name: "second" },
          ],
          ...options,
        }),
      guidance: (options) =>
        createSlider({ label: "Guidance", word: "guidance", ...GUIDANCE, ...options }),
      schedule: (options) =>
        createChoice({
          legend: "Schedule",
          word: "schedule",
          choices: [
            { value: "linear", name: "linear" },
            { value: "squaredcos_cap_v2", name: "cosine" },
          ],
          ...options,
        }),
      seed: createSeed,
    },
    { changed: (name) => changed(name), decided },
  );

/**
 * Calls the classes by their names of the shape that is shown.
 * @param {HTMLElement} choice
 * @param {string[]} classes
 */
export function nameClasses(choice, classes) {
  choice.querySelectorAll("label > span").forEach((span, i) => {
    const name = ["any", ...classes][i];
    if (name !== undefined && span instanceof HTMLElement) setText(span, name);
  });
}
