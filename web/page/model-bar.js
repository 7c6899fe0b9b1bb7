// One line above the walk: which model it is, where there is anything to say or to choose, and what went
// wrong with the last one.

import { createButton } from "../parts/button.js";
import { element, freshId, h, setText } from "../screen/dom.js";
import { otherModels, use } from "./later.js";
import { factsOf } from "./model-facts.js";

/** @typedef {import("../models/source.js").ModelSource} ModelSource */

/**
 * @param {readonly string[]} own the page's own models, the first is the one to begin with
 * @param {(name: string) => void} onChoose one of the page's own
 * @param {(change: import("../models/chosen.js").Chosen) => void} onChange the same model, with something chosen
 */
export function createBar(own, onChoose, onChange) {
  const root = element("model-bar", HTMLElement);
  const id = freshId("model");
  const menu = h("select", { id });
  const label = h("label", { for: id }, "Model");
  const name = h("strong", {});
  const facts = h("span", {});
  const first = own[0] ?? "";
  const back = createButton({ name: `Back to ${first}`, onPress: () => onChoose(first) });
  back.element.classList.add("text");
  const failure = h("p", { class: "model-failure", role: "alert", hidden: true });
  const status = h("p", { role: "status" });
  const again = createButton({
    name: "Open it again",
    onPress: () => element("model-open", HTMLButtonElement).click(),
  });
  again.element.classList.add("text");
  again.element.hidden = true;
  /** What the page's own models leave nothing of. @type {ReturnType<typeof import("./model-chooser.js").createChooser> | null} */
  let chooser = null;
  root.append(
    h("p", { class: "model-line" }, label, menu, name, facts, " ", back.element),
    status,
    again.element,
    failure,
  );
  /** Offers the page's own models, and the one that is shown if it is none of them. @param {string} value @param {string} [other] */
  const offer = (value, other) => {
    menu.replaceChildren(
      ...own.map((one) => h("option", { value: one }, one)),
      ...(other === undefined ? [] : [h("option", { value: "" }, shortened(other))]),
    );
    menu.value = value;
  };
  offer(first);
  let shown = first;
  menu.addEventListener("change", () => {
    if (menu.value !== "") onChoose(menu.value);
  });
  const several = own.length > 1;
  label.hidden = menu.hidden = !several;

  /** Nothing to say: one model, the page's own. */
  const settle = () => {
    root.hidden =
      !several && facts.textContent === "" && failure.hidden && status.textContent === "";
  };
  settle();
  return {
    /** @param {ModelSource} source @param {import("../protocol/messages.js").Loaded} loaded */
    show(source, loaded) {
      const isOwn = ownName(source, own) !== null;
      const isFirst = isOwn && source.name === first;
      shown = isOwn ? source.name : "";
      offer(shown, isOwn ? undefined : source.name);
      // What the menu says is not repeated next to it.
      name.hidden = back.element.hidden = several || isFirst;
      setText(name, shortened(source.name));
      setText(status, "");
      again.element.hidden = true;
      chooser?.show(loaded.info, isOwn);
      if (!isOwn) {
        use(otherModels, ({ createChooser }) => {
          if (chooser === null) {
            chooser = createChooser(onChange);
            status.before(...chooser.elements);
          }
          chooser.show(loaded.info, shown !== "");
        });
      }
      const said = isFirst && !several ? "" : factsOf(source, loaded, isOwn);
      setText(facts, name.hidden || said === "" ? said : `: ${said}`);
      settle();
    },
    /** A model from files was shown before the page was loaded again. @param {string} name */
    offerAgain(name) {
      setText(
        status,
        `“${shortened(name)}” came from your files, and a reload closes them. Open them again to continue.`,
      );
      again.element.hidden = false;
      settle();
    },
    /** Another one is on its way. */
    wait() {
      setText(failure, "");
      failure.hidden = true;
      again.element.hidden = true;
      setText(status, "Opening the model …");
      settle();
      root.scrollIntoView({ block: "nearest" });
    },
    /** What went wrong, as a sentence; "" is nothing. @param {string} sentence */
    fail(sentence) {
      setText(status, "");
      setText(failure, sentence);
      failure.hidden = sentence === "";
      menu.value = shown;
      settle();
      root.scrollIntoView({ block: "nearest" });
    },
  };
}

/**
 * The name of one of the page's own models; null for others.
 * @param {ModelSource} source
 * @param {readonly string[]} own
 */
function ownName(source, own) {
  const { name } = source;
  return source.kind === "address" && (source.parameter ?? name) === name && own.includes(name)
    ? name
    : null;
}

/** @param {string} name */
const shortened = (name) => (name.length > 48 ? `${name.slice(0, 47)}…` : name);
