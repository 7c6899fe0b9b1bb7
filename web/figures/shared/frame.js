// The frame of a figure: its idea above, the figure, and below it what can be done with all of it.
//
// The frame is what is seen alone in full screen and in an embed: the element around a figure's place that has its
// heading. The words beside the figure are not shown there.

import { createButton } from "../../parts/button.js";
import { createCopyLink } from "../../parts/copy-link.js";
import { createEmbedCode } from "../../parts/embed-code.js";
import { h } from "../../screen/dom.js";
import { canPresent, togglePresented } from "./presenter.js";

/** @typedef {import("../../settings/list.js").GroupName} GroupName */

/** The element that is seen where a figure is seen alone. @param {Element} root the figure's place */
export function frameOf(root) {
  const frame = root.closest(".walk-frame, .bending, .lesson");
  return frame instanceof HTMLElement ? frame : null;
}

/**
 * The row of buttons below a figure.
 * @param {HTMLElement} root the figure's place
 * @param {object} options
 * @param {string} options.name of the figure, which is the id of its place in the page
 * @param {readonly GroupName[]} options.settings what the address keeps of it
 * @param {boolean} options.copies whether the figure has a button of its own that copies a link
 * @param {boolean} options.embeds whether it shows something alone
 * @param {import("../../settings/kept-in-address.js").AllSettings} options.allSettings
 */
export function createTools(root, { name, settings, copies, embeds, allSettings }) {
  const frame = frameOf(root);
  const title = frame?.querySelector("h2, h3")?.textContent?.trim() ?? "Walk back";
  if (frame !== null) frame.dataset["frame"] = "";
  const tools = h("div", { class: "tools", role: "group", "aria-label": `Figure: ${title}` });
  /** @param {ReturnType<typeof createButton>} button */
  const add = ({ element }) => {
    element.classList.add("plain", "small");
    tools.append(element);
  };
  if (settings.length > 0) {
    const onPress = () => allSettings.reset(settings);
    const reset = createButton({ name: "Reset", icon: "again", shown: true, onPress });
    add(reset);
    add(createUndo(allSettings, settings, reset));
  }
  if (frame !== null && canPresent()) {
    const onPress = () => togglePresented(frame);
    add(createButton({ name: "Full screen", icon: "whole", shown: true, shortcut: "f", onPress }));
    tools.lastElementChild?.setAttribute("data-presents", "");
  }
  if (frame?.dataset["alone"] !== undefined) {
    tools.append(linkBack(() => allSettings.linkTo(name)));
    return tools;
  }
  if (!copies) tools.append(createCopyLink({ allSettings, place: name }).element);
  if (embeds) {
    const embed = createEmbedCode({ title, address: () => allSettings.embedOf(name, settings) });
    tools.append(embed.button, embed.element);
  }
  return tools;
}

/**
 * Takes the last change of a figure back; with keys, Ctrl-Z takes back the last of the page.
 * @param {import("../../settings/kept-in-address.js").AllSettings} allSettings
 * @param {readonly GroupName[]} settings of the figure
 * @param {ReturnType<typeof createButton>} heir has the focus where nothing more can be undone
 */
function createUndo(allSettings, settings, heir) {
  const onPress = () => void allSettings.undo(settings);
  const button = createButton({ name: "Undo", icon: "undo", shown: true, onPress });
  const show = () => {
    const possible = allSettings.canUndo(settings);
    if (!possible && document.activeElement === button.element) heir.element.focus();
    button.disabled = !possible;
  };
  allSettings.watchUndo(settings, show);
  show();
  return button;
}

/** A link from an embed to the page, with what is set now. @param {() => string} address */
function linkBack(address) {
  const link = h("a", { href: address(), target: "_blank", rel: "noopener" }, "Open in walkback");
  const renew = () => {
    link.href = address();
  };
  for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, renew);
  return link;
}
