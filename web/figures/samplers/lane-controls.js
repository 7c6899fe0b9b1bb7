// What can be chosen for one chain.

import { h } from "../../screen/dom.js";
import { createChoice, createSamplerChoice } from "../../parts/choice.js";
import { createSlider } from "../../parts/slider.js";
import { ETA, GUIDANCE, stepChoices } from "../../settings/properties.js";

/**
 * @param {import("../../protocol/messages.js").Loaded} loaded
 * @param {string} name
 * @param {import("./lane.js").Settings} settings
 * @param {() => void} changed
 */
export function createLaneControls({ info }, name, settings, changed) {
  /** @param {Partial<typeof settings.values>} values */
  const choose = (values) => {
    settings.set(values);
    show();
    changed();
  };
  const sampler = createSamplerChoice({
    value: settings.values.sampler,
    onChange: (value) => choose({ sampler: value }),
  });
  const steps = createSlider({
    label: "Steps",
    choices: stepChoices(info.trainTimesteps),
    value: settings.values.steps ?? 10,
    onInput: (value) => choose({ steps: value }),
  });
  const guidance = createSlider({
    label: "Guidance w",
    ...GUIDANCE,
    value: settings.values.guidance,
    onInput: (value) => choose({ guidance: value }),
  });
  const eta = createSlider({
    label: "η, fresh noise",
    ...ETA,
    value: settings.values.eta,
    onInput: (value) => choose({ eta: value }),
  });
  const spacing = createChoice({
    legend: "Spacing",
    choices: [
      { value: "trailing", name: "trailing" },
      { value: "linspace", name: "linspace" },
      { value: "leading", name: "leading" },
    ],
    value: settings.values.spacing,
    onChange: (value) => choose({ spacing: value }),
  });
  guidance.element.hidden = info.nullLabel === null;

  const show = () => {
    const { values } = settings;
    sampler.value = values.sampler;
    steps.value = values.steps ?? 10;
    guidance.value = values.guidance;
    eta.value = values.eta;
    eta.element.hidden = values.sampler !== "ddim";
    spacing.value = values.spacing;
  };
  show();

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
    show,
    /** Without a class there is nothing to be guided to. @param {boolean} guided */
    enable(guided) {
      guidance.disabled = !guided;
    },
  };
}
