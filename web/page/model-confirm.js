// Before anything is fetched from elsewhere, the visitor is asked.

import { createButton } from "../parts/button.js";
import { freshId, h } from "../screen/dom.js";

/**
 * Whether the model may be fetched from its origin. Closing the dialog in any way but by its one button is a no.
 * @param {import("../models/source.js").AddressSource} source
 * @param {string} asking who asks for it, as the beginning of a sentence
 * @returns {Promise<boolean>}
 */
export function mayFetch({ base }, asking) {
  const { host } = new URL(base);
  const id = freshId("confirm");
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": id, "aria-describedby": `${id}-why` },
    h("h2", { id }, "Fetch a model from ", h("span", { class: "origin" }, host), "?"),
    h(
      "div",
      { id: `${id}-why` },
      h(
        "p",
        {},
        `${asking} for a model from another site:`,
        h("code", { class: "address" }, base.length > 200 ? `${base.slice(0, 199)}…` : base),
      ),
      h(
        "p",
        {},
        `If you fetch it, ${host} and any servers that it redirects to see your network address, as if you visited them. A model holds numbers and names, and runs no code. Nothing has been fetched so far.`,
      ),
    ),
  );
  return new Promise((resolve) => {
    const yes = createButton({ name: "Fetch it", onPress: () => dialog.close("yes") });
    const no = createButton({
      name: "Keep this page's own model",
      primary: true,
      onPress: () => dialog.close(),
    });
    dialog.append(h("div", { class: "row" }, no.element, yes.element));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    no.element.focus();
  });
}
