// Before anything is fetched from elsewhere, the visitor is asked.

import { createButton } from "../parts/button.js";
import { freshId, h } from "../screen/dom.js";

/**
 * Whether the model may be fetched from its origin. Closing the dialog in any way but by its one button is a no.
 * @param {import("../models/source.js").AddressSource} source
 * @returns {Promise<boolean>}
 */
export function mayFetch({ base }) {
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
        "The address of this page asks for a model that lies elsewhere:",
        h("code", { class: "address" }, base.length > 200 ? `${base.slice(0, 199)}…` : base),
      ),
      h(
        "p",
        {},
        `Fetching it tells ${host}, and servers that it may send on to, your network address, as a visit there would. A model is numbers and names, never a program. Nothing has been fetched so far.`,
      ),
    ),
  );
  return new Promise((resolve) => {
    const yes = createButton({ name: "Fetch it", onPress: () => dialog.close("yes") });
    const no = createButton({
      name: "Stay with this page's own model",
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
