// What a walk goes to and how: in sight what is asked for most, the rest behind "More".

import { guidanceAdvice, stepsAdvice } from "../../parts/at-its-best.js";
import { createChoice, createLabelChoice } from "../../parts/choice.js";
import { createSamplerChoice } from "../../parts/sampler-choice.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { h } from "../../screen/dom.js";
import { bind } from "../../settings/bind.js";
import { ETA, GUIDANCE, stepChoices } from "../../settings/list.js";
import { ofDigits, suitableSteps } from "../../settings/suit.js";
import { createMore } from "../shared/more.js";

/** @typedef {import("../../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../../settings/kept-in-address.js").Group<import("../../settings/list.js").Properties["walk"]>} Settings */

/** @param {string} kind what the classes are */
const guided = (kind) => `How hard to pull towards the ${kind}; 1 is the plain model.`;
/** @param {string} kind */
const unguided = (kind) => `Guidance pulls towards a ${kind}; choose one first.`;

/**
 * @param {Loaded} loaded
 * @param {Settings} settings
 * @param {{ changed: (byAddress: boolean) => void, speed: (speed: number) => void }} actions
 * @param {HTMLElement} device the choice of what computes
 */
export function createControls(loaded, settings, actions, device) {
  const { info, best } = loaded;
  const kind = ofDigits(info) ? "digit" : "class";
  const toGuide = guided(kind) + guidanceAdvice(best);
  // A walk of a few seconds, where that is possible.
  const steps = () =>
    settings.decide("steps", () => suitableSteps(loaded, { gpu: 250, cpu: 100, software: 20 }));

  const binding = bind(
    settings,
    {
      label: (options) => createLabelChoice({ info, ...options }),
      seed: (options) => createSeed({ shortcut: "d", ...options }),
      steps: (options) =>
        createSlider({
          label: "Number of steps",
          choices: stepChoices(info.trainTimesteps),
          say: (value) => `${value} steps`,
          hint: stepsAdvice(best),
          ...options,
        }),
      guidance: (options) =>
        createSlider({
          label: "Guidance",
          word: "guidance",
          ...GUIDANCE,
          hint: toGuide,
          ...options,
        }),
      sampler: createSamplerChoice,
      eta: (options) =>
        createSlider({
          label: "η, DDIM's fresh noise",
          word: "eta",
          ...ETA,
          hint: "0 is deterministic; 1 adds as much as DDPM.",
          ...options,
        }),
      spacing: (options) =>
        createChoice({
          legend: "Spacing of the steps",
          word: "spacing",
          choices: [
            { value: "leading", name: "leading" },
            { value: "linspace", name: "linspace" },
            { value: "trailing", name: "trailing" },
          ],
          ...options,
        }),
      speed: (options) =>
        createChoice({
          legend: "Speed",
          className: "segments speeds",
          choices: [
            { value: "0.25", name: "¼×" },
            { value: "0.5", name: "½×" },
            { value: "1", name: "1×" },
            { value: "2", name: "2×" },
            { value: "4", name: "4×" },
            { value: "max", name: "max" },
          ],
          ...options,
        }),
    },
    {
      changed(name) {
        if (name === null || name === "speed") setSpeed();
        // Another walk: the step in the old one means nothing.
        if (name !== null && name !== "speed") settings.set({ at: null });
        // How many steps suit may have changed with the device.
        binding.show();
        suitChoices();
        if (name !== "speed") actions.changed(name === null);
      },
      decided: { steps },
    },
  );
  const {
    label,
    seed,
    steps: stepSlider,
    guidance,
    sampler,
    eta,
    spacing,
    speed,
  } = binding.controls;
  guidance.element.hidden = info.nullLabel === null;

  const setSpeed = () => actions.speed(speedFactor(settings.values.speed));
  /** What one choice makes of the others. */
  const suitChoices = () => {
    const { label, sampler } = settings.values;
    guidance.disabled = label === null;
    guidance.hint = label === null ? unguided(kind) : toGuide;
    eta.element.hidden = sampler !== "ddim";
  };
  suitChoices();
  setSpeed();

  const element = h(
    "form",
    { class: "controls", "aria-label": "What to walk to", autocomplete: "off" },
    label.element,
    seed.element,
    createMore(
      stepSlider.element,
      guidance.element,
      sampler.element,
      eta.element,
      spacing.element,
      speed.element,
      device,
    ),
  );
  element.addEventListener("submit", (event) => event.preventDefault());

  return {
    element,
    rollDice: seed.roll,
    dispose: binding.dispose,
    /** @returns {import("../../protocol/messages.js").ChainOptions} */
    options() {
      const { values } = settings;
      return {
        seed: values.seed,
        count: 1,
        label: values.label,
        // Any digit leaves nothing to be guided to, and a second evaluation would be wasted.
        guidanceScale: values.label === null ? 1 : values.guidance,
        numInferenceSteps: steps(),
        sampler: values.sampler,
        spacing: values.spacing,
        ...(values.sampler === "ddim" ? { eta: values.eta } : {}),
      };
    },
  };
}

/** @param {string} speed */
function speedFactor(speed) {
  return speed === "max" ? Infinity : Number(speed);
}
