// Numbers under their names.

import { h, setText } from "../screen/dom.js";

/**
 * @template {string} K
 * @param {Record<K, Node | string>} names by key, in the order shown
 */
export function createReadouts(names) {
  /** @type {Map<string, HTMLElement>} */
  const values = new Map();
  const rows = Object.entries(names).map(([key, name]) => {
    const value = h("dd", {}, "–");
    values.set(key, value);
    return h("div", {}, h("dt", {}, /** @type {Node | string} */ (name)), value);
  });
  return {
    element: h("dl", { class: "readouts" }, ...rows),
    /** @param {Partial<Record<K, string>>} texts */
    show(texts) {
      for (const [key, text] of Object.entries(texts)) {
        const value = values.get(key);
        if (value !== undefined) setText(value, String(text));
      }
    },
  };
}
