// The field of the dialog for a model on the web: its name on the hub, its address, or a suggestion.

import { asSentence, sentence } from "../basics/sentence.js";
import { createButton } from "../parts/button.js";
import { freshId, h, setText } from "../screen/dom.js";

/** Small models of the hub that people know, and what they draw. */
const SUGGESTIONS = [
  ["1aurent/ddpm-mnist", "digits"],
  ["johnowhitaker/ddpm-butterflies-32px", "butterflies"],
  ["google/ddpm-cifar10-32", "animals and vehicles"],
];

/**
 * @param {(name: string) => Promise<boolean>} open whether it is being opened; throws a sentence
 * @param {() => void} onOpen called then
 */
export function createNameField(open, onOpen) {
  const id = freshId("model-name");
  const input = h("input", {
    id,
    type: "text",
    required: true,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    placeholder: "owner/name",
    "aria-describedby": `${id}-why`,
  });
  const wrong = h("p", { class: "model-failure", role: "alert", hidden: true });
  /** @param {string} text */
  const complain = (text) => {
    setText(wrong, text);
    wrong.hidden = text === "";
  };
  const submit = async () => {
    complain("");
    try {
      if (await open(input.value)) onOpen();
    } catch (error) {
      complain(asSentence(sentence(error)));
      input.focus();
    }
  };
  const suggestions = SUGGESTIONS.map(([name = "", draws = ""]) => {
    const { element } = createButton({
      name,
      onPress: () => {
        input.value = name;
        submit();
      },
    });
    element.classList.add("text");
    return h("li", {}, element, ` (${draws})`);
  });
  const button = h("button", { type: "submit" }, "Open");
  const form = h(
    "form",
    { class: "by-name" },
    h("label", { for: id }, "Or one on the web"),
    h("div", { class: "row" }, input, button),
    wrong,
    h(
      "p",
      { class: "hint", id: `${id}-why` },
      "Its name on Hugging Face, its page there, or the address of its folder. For example:",
    ),
    h("ul", { class: "suggestions" }, ...suggestions),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return { element: form };
}
