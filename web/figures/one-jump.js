// Figure 5: the same noise in 1, 2, 5 ... 1000 steps; all the noise taken away at once; and the mean of
// many one-jump guesses next to the mean of the data.

import { createGate } from "../basics/gate.js";
import { createChoice, createLabelChoice } from "../parts/choice.js";
import { createSeed } from "../parts/seed.js";
import { h } from "../screen/dom.js";
import { bind } from "../settings/bind.js";
import { digitsFit, ofDigits } from "../settings/suit.js";
import { createGuesses } from "./one-jump/guesses.js";
import { createLadder } from "./one-jump/ladder.js";
import { createSubtraction } from "./one-jump/subtraction.js";
import { createMore } from "./shared/more.js";

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const { loaded, shape, allSettings } = context;
  const digits = await context.digits();
  const settings = allSettings.group("jump");
  const gate = createGate();
  const inner = { ...context, gate };

  const binding = bind(
    settings,
    {
      label: (options) => createLabelChoice({ info: loaded.info, ...options }),
      seed: createSeed,
      sampler: (options) =>
        createChoice({
          legend: "Fresh noise in each step",
          choices: [
            { value: "ddpm", name: "yes, DDPM" },
            { value: "ddim", name: "none, DDIM" },
          ],
          ...options,
        }),
    },
    { changed: () => begin() },
  );
  const { label, seed, sampler } = binding.controls;

  // Images of the digits' size are not digits yet: only a model that says so is compared with their mean.
  const comparable = ofDigits(loaded.info) && digitsFit(shape, digits);
  const guesses = createGuesses(inner, comparable ? digits : null);
  const ladder = createLadder(inner, (steps, image) => guesses.compare(steps, image));
  const subtraction = createSubtraction(inner);
  root.append(
    part("The same noise, in fewer and in more steps", ladder.element),
    h(
      "div",
      { class: "lower" },
      part("All the noise at once", subtraction.element),
      part("The mean of many one-jump guesses", guesses.element),
      h("div", { class: "stack" }, label.element, seed.element, createMore(sampler.element)),
    ),
  );

  const begin = () => {
    const { values } = settings;
    ladder.begin(values);
    subtraction.begin(values);
    guesses.begin(values);
  };
  begin();

  return {
    rest(resting) {
      gate.rest(resting);
      for (const one of [ladder, subtraction, guesses]) one.rest(resting);
    },
    dispose() {
      for (const one of [ladder, subtraction, guesses]) one.dispose();
      binding.dispose();
    },
  };
}

/** @param {string} title @param {HTMLElement} content */
function part(title, content) {
  return h("div", { class: "part" }, h("h3", {}, title), content);
}
