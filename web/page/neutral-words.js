// The text of the page is about digits. Where another model is loaded, its words are those of any images.

import { ofDigits } from "../settings/suit.js";

/**
 * Says "digit" where the model's classes are digits, and elsewhere what index.html has in data-else.
 * @param {import("../protocol/messages.js").ModelInfo} info
 */
export function useWordsFor(info) {
  const digits = ofDigits(info);
  for (const word of document.querySelectorAll("[data-else]")) {
    if (!(word instanceof HTMLElement)) continue;
    word.dataset["digits"] ??= word.textContent ?? "";
    const wanted = (digits ? word.dataset["digits"] : word.dataset["else"]) ?? "";
    if (word.textContent !== wanted) word.textContent = wanted;
  }
}
