// A button that copies and shows the HTML with which another page embeds a figure.

import { freshId, h, setText } from "../screen/dom.js";
import { createButton } from "./button.js";
import { writeToClipboard } from "./copy-link.js";

/** @param {string} text */
const inAttribute = (text) =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/**
 * An iframe with a figure.
 * @param {string} address of the embed
 * @param {string} title for screen readers
 */
export const iframeWith = (address, title) =>
  `<iframe src="${inAttribute(address)}" title="${inAttribute(title)}" width="600" height="500"` +
  ` style="border: 0" loading="lazy" allow="fullscreen"></iframe>`;

/**
 * @param {object} options
 * @param {string} options.title of the figure
 * @param {() => string} options.address of the embed, as the figure is set now
 */
export function createEmbedCode({ title, address }) {
  const id = freshId("embed");
  const code = h("textarea", { id, readonly: true, rows: 3, spellcheck: "false" });
  const status = h("p", { class: "hint", role: "status" });
  const element = h(
    "div",
    { class: "embed-code", hidden: true },
    h("label", { for: id }, "HTML for a page of yours"),
    code,
    status,
  );
  const button = createButton({
    name: "Embed",
    icon: "embed",
    shown: true,
    onPress: () => toggle(),
  });
  button.element.classList.add("plain", "small");
  button.element.setAttribute("aria-expanded", "false");

  const toggle = async () => {
    element.hidden = !element.hidden;
    button.element.setAttribute("aria-expanded", String(!element.hidden));
    setText(status, "");
    if (element.hidden) return;
    code.value = iframeWith(address(), title);
    const copied = await writeToClipboard(code.value);
    if (!copied) code.select();
    setText(
      status,
      copied
        ? "Copied. It shows this figure as it is set now."
        : "This browser does not allow copying; the code is selected, copy it by hand.",
    );
  };

  return { button: button.element, element };
}
