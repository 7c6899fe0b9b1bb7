// What can be chosen for one chain.

import { createChoice } from "../../parts/choice.js";
import { createSamplerChoice } from "../../parts/sampler-choice.js";
import { createSlider } from "../../parts/slider.js";
import { h } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { ETA, GUIDANCE, stepChoices } from "../../settings/list.js";

/**
 * @param {import("../../protocol/messages.js").Loaded} loaded
 * @param {string} name
 * @param {import("./lane.js").Settings} settings
 * @param {{ changed: () => void, steps: () => number }} options steps: those of the address or the visitor, else the page's choice
 */
export function createLaneControls({ info }, name, settings, { changed, steps: decide }) {
  const binding = bind(
    settings,
    {
      sampler: createSamplerChoice,
      steps: (options) =>
        createSlider({ label: "Steps", choices: stepChoices(info.trainTimesteps), ...options }),
      guidance: (options) =>
        createSlider({ label: "Guidance w", word: "guidance", ...GUIDANCE, ...options }),
      eta: (options) => createSlider({ label: "η, fresh noise", word: "eta", ...ETA, ...options }),
      spacing: (options) =>
        createChoice({
          legend: "Spacing",
          word: "spacing",
          choices: [
            { value: "trailing", name: "trailing" },
            { value: "linspace", name: "linspace" },
            { value: "leading", name: "leading" },
          ],
          ...options,
        }),
    },
    {
      changed() {
        reveal();
        changed();
      },
      decided: { steps: decide },
    },
  );
  const { sampler, steps, guidance, eta, spacing } = binding.controls;
  guidance.element.hidden = info.nullLabel === null;

  const reveal = () => {
    eta.element.hidden = settings.values.sampler !== "ddim";
  };
  reveal();

  return {
    element: h(
      "div",
      { class: "lane", role: "group", "aria-label": `Chain ${name}` },
      h("p", { class: "lane-name", "aria-hidden": "true" }, name),
      sampler.element,
      steps.element,
      guidance.element,
      spacing.element,
      eta.element,
    ),
    show: binding.show,
    dispose: binding.dispose,
    /** Without a class there is nothing to be guided to. @param {boolean} guided */
    enable(guided) {
      guidance.disabled = !guided;
    },
  };
}
