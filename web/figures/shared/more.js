// What is not in sight at first: a figure shows at most two of its controls, and the rest is behind "More".

import { h } from "../../screen/dom.js";

/** @typedef {import("../../settings/list.js").GroupName} GroupName */

/** The controls of a figure that are not in sight at first; one for each figure. @param {...(Node | null)} controls */
export const createMore = (...controls) =>
  h(
    "details",
    { class: "more" },
    h("summary", {}, "More"),
    h("div", { class: "stack" }, ...controls),
  );

/**
 * Opens "More" where one of the controls in it is set: the link asks for what nobody would see.
 * @param {Element} root the figure's place
 * @param {import("../../settings/kept-in-address.js").AllSettings} allSettings
 * @param {readonly GroupName[]} groups of the figure's settings
 */
export function openMoreIfSet(root, allSettings, groups) {
  for (const key of groups.flatMap((name) => allSettings.group(name).chosen)) {
    const control = root.querySelector(`.more [data-setting="${CSS.escape(key)}"]`);
    const more = control?.closest("details");
    if (more !== null && more !== undefined) more.open = true;
  }
}
