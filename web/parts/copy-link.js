// A button that copies the link to what is shown, and says so to everyone.

import { h, setText } from "../screen/dom.js";
import { createButton } from "./button.js";

/** How long the button itself says that it is done, in milliseconds. */
const SHOWN = 2500;

/**
 * @param {object} options
 * @param {string} [options.name]
 * @param {import("../settings/kept-in-address.js").AllSettings} options.allSettings
 * @param {string | null} [options.place] where the link leads to, as the id of an element; null: the top of the page
 * @param {() => string} [options.done] what the copied link shows, as a sentence
 */
export function createCopyLink({
  name = "Copy link",
  allSettings,
  place = null,
  done = () => "Link copied.",
}) {
  const status = h("span", { class: "unseen", role: "status" });
  const button = createButton({ name, icon: "link", shown: true, onPress: () => copy() });
  button.element.classList.add("plain", "small");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const copy = async () => {
    const copied = await writeToClipboard(allSettings.linkTo(place));
    // If the browser does not allow copying, the link goes into the address bar.
    if (!copied) allSettings.write(place);
    button.rename(copied ? "Copied" : "See the address bar");
    setText(
      status,
      copied ? done() : "This browser does not allow copying; the link is in the address bar.",
    );
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.rename(name);
      setText(status, "");
    }, SHOWN);
  };

  return { element: h("span", { class: "copy-link" }, button.element, status) };
}

/** @param {string} text @returns {Promise<boolean>} whether the browser allows it */
export async function writeToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
