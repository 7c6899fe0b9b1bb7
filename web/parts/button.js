// A button with a name, a sign, or both.

import { h, setText } from "../screen/dom.js";
import { icon } from "./icons.js";

/**
 * @param {object} options
 * @param {string} options.name what it does; always there for screen readers
 * @param {import("./icons.js").IconName} [options.icon] alone, unless `shown`
 * @param {boolean} [options.shown] whether the name is shown next to the icon; without an icon it always is
 * @param {boolean} [options.primary] the figure's main button; at most one
 * @param {string} [options.shortcut] as aria-keyshortcuts names keys: "Space", "ArrowLeft", "r"
 * @param {() => void} options.onPress
 */
export function createButton(options) {
  const hasIcon = options.icon !== undefined;
  const label = h(
    "span",
    { class: hasIcon && options.shown !== true ? "unseen" : null },
    options.name,
  );
  const element = h("button", {
    type: "button",
    class: options.primary === true ? "primary" : null,
    "aria-keyshortcuts": options.shortcut,
  });
  let sign = options.icon === undefined ? null : icon(options.icon);
  if (sign !== null) element.append(sign);
  element.append(label);
  element.addEventListener("click", options.onPress);

  /** @param {string} name */
  const describe = (name) => {
    const key = options.shortcut === undefined ? "" : ` (${keyName(options.shortcut)})`;
    element.title = hasIcon && options.shown !== true ? `${name}${key}` : key.trim();
    if (element.title === "") element.removeAttribute("title");
  };
  describe(options.name);

  return {
    element,
    /** @param {string} name @param {import("./icons.js").IconName} [newIcon] */
    rename(name, newIcon) {
      if (label.textContent === name) return;
      setText(label, name);
      describe(name);
      if (newIcon === undefined) return;
      const next = icon(newIcon);
      sign?.replaceWith(next);
      sign = next;
    },
    set disabled(/** @type {boolean} */ value) {
      element.disabled = value;
    },
  };
}

/** @param {string} shortcut */
function keyName(shortcut) {
  return shortcut
    .replace("ArrowLeft", "left arrow")
    .replace("ArrowRight", "right arrow")
    .replace("Home", "home")
    .replace("End", "end")
    .replace("Space", "space");
}
