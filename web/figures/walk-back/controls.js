// What a walk goes to and how: in sight what is asked for most, the rest folded away.

import { h } from "../../screen/dom.js";
import { createChoice, createLabelChoice, createSamplerChoice } from "../../parts/choice.js";
import { createSeed } from "../../parts/seed.js";
import { createSlider } from "../../parts/slider.js";
import { ETA, GUIDANCE, stepChoices } from "../../settings/properties.js";
import { ofDigits, suitableSteps } from "../../settings/suit.js";

/** @typedef {import("../../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../../settings/state.js").Group<import("../../settings/properties.js").Properties["walk"]>} Settings */

/** @param {string} kind what the classes are */
const guided = (kind) => `How hard to pull towards the ${kind}; 1 is the plain model.`;
/** @param {string} kind */
const unguided = (kind) => `Guidance pulls towards a ${kind}; choose one first.`;

/**
 * @param {Loaded} loaded
 * @param {Settings} settings
 * @param {{ changed: () => void, speed: (speed: number) => void }} actions
 * @param {HTMLElement} device the choice of what computes
 */
export function createControls(loaded, settings, actions, device) {
  const { info } = loaded;
  const kind = ofDigits(info) ? "digit" : "class";
  // A walk of a few seconds, where that is possible.
  const steps = () =>
    settings.decide("steps", () => suitableSteps(loaded, { gpu: 250, cpu: 100, software: 20 }));

  /** @param {Partial<typeof settings.values>} values */
  const choose = (values) => {
    settings.set({ ...values, at: null }); // another walk: the place in the old one means nothing
    show();
    actions.changed();
  };
  const label = createLabelChoice({
    info,
    value: settings.values.label,
    onChange: (value) => choose({ label: value }),
  });
  const seed = createSeed({
    value: settings.values.seed,
    shortcut: "d",
    onChange: (value) => choose({ seed: value }),
  });
  const stepSlider = createSlider({
    label: "Number of steps",
    choices: stepChoices(info.trainTimesteps),
    value: steps(),
    say: (value) => `${value} steps`,
    onInput: (value) => choose({ steps: value }),
  });
  const guidance = createSlider({
    label: "Guidance",
    ...GUIDANCE,
    value: settings.values.guidance,
    hint: guided(kind),
    onInput: (value) => choose({ guidance: value }),
  });
  const sampler = createSamplerChoice({
    value: settings.values.sampler,
    onChange: (value) => choose({ sampler: value }),
  });
  const eta = createSlider({
    label: "η, DDIM's fresh noise",
    ...ETA,
    value: settings.values.eta,
    hint: "0 is deterministic; 1 stirs in as much as DDPM.",
    onInput: (value) => choose({ eta: value }),
  });
  const spacing = createChoice({
    legend: "Spacing of the steps",
    choices: [
      { value: "leading", name: "leading" },
      { value: "linspace", name: "linspace" },
      { value: "trailing", name: "trailing" },
    ],
    value: settings.values.spacing,
    onChange: (value) => choose({ spacing: value }),
  });
  const speed = createChoice({
    legend: "Speed",
    quiet: true,
    className: "segments speeds",
    choices: [
      { value: "0.25", name: "¼×" },
      { value: "0.5", name: "½×" },
      { value: "1", name: "1×" },
      { value: "2", name: "2×" },
      { value: "4", name: "4×" },
      { value: "max", name: "max" },
    ],
    value: settings.values.speed,
    onChange: (value) => {
      settings.set({ speed: value });
      actions.speed(speedFactor(value));
    },
  });
  guidance.element.hidden = info.nullLabel === null;

  const show = () => {
    const { values } = settings;
    label.value = values.label;
    seed.value = values.seed;
    stepSlider.value = steps();
    guidance.value = values.guidance;
    guidance.disabled = values.label === null;
    guidance.hint = values.label === null ? unguided(kind) : guided(kind);
    sampler.value = values.sampler;
    eta.value = values.eta;
    eta.element.hidden = values.sampler !== "ddim";
    spacing.value = values.spacing;
    speed.value = values.speed;
  };
  show();
  actions.speed(speedFactor(settings.values.speed));

  const element = h(
    "form",
    { class: "controls", "aria-label": "What to walk to", autocomplete: "off" },
    label.element,
    seed.element,
    stepSlider.element,
    guidance.element,
    h(
      "details",
      { class: "more" },
      h("summary", {}, "Sampler and spacing"),
      sampler.element,
      eta.element,
      spacing.element,
      device,
    ),
  );
  element.addEventListener("submit", (event) => event.preventDefault());

  return {
    element,
    /** Goes with the transport. */
    speed: speed.element,
    rollDice: seed.roll,
    /** After the values have changed elsewhere. */
    show,
    /** @returns {import("../../protocol/messages.js").ChainOptions} */
    options() {
      const { values } = settings;
      return {
        seed: values.seed,
        count: 1,
        label: values.label,
        // Any digit leaves nothing to be guided to, and a second evaluation would be wasted.
        guidance: values.label === null ? 1 : values.guidance,
        steps: steps(),
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
