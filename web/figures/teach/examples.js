// What is shown to the network: drawn on a pad, from files, or the page's own digits; each as the network sees it.

import { asSentence, sentence } from "../../basics/sentence.js";
import { createButton } from "../../parts/button.js";
import { createChoice } from "../../parts/choice.js";
import { createDrawingPad } from "../../parts/drawing-pad.js";
import { takeDrops } from "../../parts/open-image.js";
import { freshId, h, setText } from "../../screen/dom.js";
import { paint } from "../../screen/paint.js";
import { isPicture, picturesIn, severalIn } from "./dropped.js";
import { exampleFrom } from "./pictures.js";

/** More would only make a page of thumbnails. */
const MOST = 300;

/**
 * @param {object} options
 * @param {number[]} options.shape [channels, h, w]
 * @param {import("../../client/digits.js").Digits | null} options.digits null where the network takes no such images
 * @param {(examples: Float32Array[]) => void} options.onChange
 */
export function createExamples({ shape, digits, onChange }) {
  const [channels = 1, height = 1, width = 1] = shape;
  /** @type {Float32Array[]} */
  let examples = [];
  const notice = h("p", { class: "notice", role: "status" });
  const list = h("ul", {
    class: "teach-examples",
    "aria-label": "Examples, as the network sees them",
  });
  const blank = h(
    "p",
    { class: "hint" },
    "No example yet. Draw one and add it, or drop pictures here.",
  );

  const show = () => {
    blank.hidden = examples.length > 0;
    list.hidden = examples.length === 0;
    list.replaceChildren(
      ...examples.map((example, i) => {
        const canvas = h("canvas", { width, height });
        paint(canvas, example, [1, ...shape]);
        const name = `Remove example ${i + 1}`;
        const button = h("button", { type: "button", title: name, "aria-label": name }, canvas);
        button.addEventListener("click", () => {
          change(examples.filter((_, other) => other !== i));
          // The focus stays among them.
          const next = list.querySelectorAll("button")[Math.min(i, examples.length - 1)];
          if (next instanceof HTMLElement) next.focus();
        });
        return h("li", {}, button);
      }),
    );
  };
  /** @param {Float32Array[]} wish @param {number} [count] how many were wanted */
  const change = (wish, count = wish.length) => {
    setText(
      notice,
      count > MOST ? `Only the first ${MOST} examples are used; there were ${count}.` : "",
    );
    examples = wish.slice(0, MOST);
    show();
    onChange(examples);
  };

  /** @param {readonly File[]} files */
  const take = async (files) => {
    if (files.length === 0) {
      setText(notice, "There are no pictures in this folder.");
      return;
    }
    const taken = [];
    const refused = [];
    for (const file of files.slice(0, MOST)) {
      try {
        taken.push(await exampleFrom(file, shape));
      } catch (error) {
        refused.push(`${file.name}: ${asSentence(sentence(error))}`);
      }
    }
    change([...examples, ...taken], examples.length + files.length - refused.length);
    if (refused.length === 0) return;
    const more = refused.length > 1 ? ` ${refused.length - 1} more could not be added.` : "";
    setText(notice, `${refused[0]}${more}`);
  };

  const add = (/** @type {Float32Array} */ x0) => change([...examples, x0]);
  const pad =
    channels === 1 || channels === 3
      ? createPad({ imageSize: [height, width], channels, add, notice })
      : null;
  const element = h("div", { class: "stack" }, pad, blank, list, notice);
  // One picture that is dropped onto the pad is drawn there; several are examples, wherever they are dropped.
  element.addEventListener(
    "drop",
    (event) => {
      const several = severalIn(event.dataTransfer);
      if (several === null) return;
      event.preventDefault();
      picturesIn(several).then(take, (error) => setText(notice, asSentence(sentence(error))));
    },
    true,
  );
  takeDrops(list, (file) => take([file]));
  const pictures = [createFiles("Add pictures", { multiple: true }, take)];
  if ("webkitdirectory" in HTMLInputElement.prototype) {
    pictures.push(createFiles("Add a folder of pictures", { webkitdirectory: true }, take));
  }
  const kinds =
    digits === null ? null : createDigitSet(digits, (set) => change([...examples, ...set]));
  show();
  return {
    element,
    /** What else gives examples, for behind "More". */
    more: h("div", { class: "teach-more-examples" }, ...pictures, kinds),
    /** Shows examples that were there before. @param {Float32Array[]} wish */
    set value(wish) {
      examples = wish;
      show();
    },
    get value() {
      return examples;
    },
  };
}

/**
 * @param {object} options
 * @param {[number, number]} options.imageSize height, width
 * @param {1 | 3} options.channels
 * @param {(x0: Float32Array) => void} options.add
 * @param {HTMLElement} options.notice
 */
function createPad({ imageSize, channels, add, notice }) {
  const pad = createDrawingPad({
    label: "An example",
    imageSize,
    channels,
    ofDigits: channels === 1 && imageSize.every((side) => side === 28),
    onDraw: () => {},
    fail: (error) => setText(notice, asSentence(sentence(error))),
  });
  const nothing = () => new Float32Array(channels * imageSize[0] * imageSize[1]).fill(-1);
  const button = createButton({
    name: "Add this drawing",
    onPress: () => {
      const { x0 } = pad;
      if (x0.every((value) => value === -1)) {
        setText(notice, "Draw something first.");
        return;
      }
      pad.x0 = nothing();
      add(x0);
    },
  });
  return h("div", { class: "teach-pad" }, pad.element, button.element);
}

/**
 * @param {string} name
 * @param {{ multiple?: boolean, webkitdirectory?: boolean }} kind
 * @param {(files: File[]) => void} take
 */
function createFiles(name, { multiple = false, webkitdirectory = false }, take) {
  const id = freshId("pictures");
  const input = h("input", { id, type: "file", class: "unseen", multiple, webkitdirectory });
  if (!webkitdirectory) input.accept = "image/*";
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    // A folder may hold anything.
    take(webkitdirectory ? files.filter(isPicture) : files);
  });
  return h("span", { class: "file" }, input, h("label", { for: id, class: "button" }, name));
}

/**
 * @param {import("../../client/digits.js").Digits} digits
 * @param {(set: Float32Array[]) => void} add
 */
function createDigitSet(digits, add) {
  let kind = digits.labels[0] ?? 0;
  const ofKind = () => digits.images.filter((_, i) => digits.labels[i] === kind);
  const button = createButton({ name: "", onPress: () => add(ofKind()) });
  const rename = () => button.rename(`Add ${ofKind().length} real ${kind}s`);
  const choice = createChoice({
    legend: "The page's own digits",
    choices: [...new Set(digits.labels)].map((label) => ({ value: label, name: String(label) })),
    value: kind,
    className: "digits",
    onChange: (label) => {
      kind = label;
      rename();
    },
  });
  rename();
  return h("div", { class: "stack" }, choice.element, button.element);
}
