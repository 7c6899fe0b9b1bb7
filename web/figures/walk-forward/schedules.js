// The four schedules: which one is used, and what each does over t.

import { createChoice } from "../../parts/choice.js";
import { createPlot } from "../../parts/plot.js";
import { term } from "../../parts/term.js";
import { titled } from "../../parts/titled.js";
import { h } from "../../screen/dom.js";

/** @typedef {import("../../protocol/messages.js").BetaSchedule} BetaSchedule */
/** @typedef {import("../../protocol/messages.js").ScheduleCurves} ScheduleCurves */

/** @type {{ value: BetaSchedule, name: string, colour: import("../../screen/theme.js").ColourName }[]} */
const schedules = [
  { value: "linear", name: "linear", colour: "accent" },
  { value: "scaled_linear", name: "quadratic", colour: "second" },
  { value: "squaredcos_cap_v2", name: "cosine", colour: "third" },
  { value: "sigmoid", name: "sigmoid", colour: "quiet" },
];

/**
 * @type {{
 *   label: string,
 *   heading: () => (Node | string)[],
 *   of: (curves: ScheduleCurves) => Float64Array,
 *   y: import("../../parts/plot.js").AxisOptions,
 * }[]}
 */
const quantities = [
  {
    label: "beta, the variance of one step's noise",
    heading: () => [term("beta_t"), " noise in one step"],
    of: ({ betas }) => betas,
    y: { label: "", log: true, range: [1e-5, 1] },
  },
  {
    label: "alpha-bar, how much of the image's variance is left",
    heading: () => [term("alpha-bar_t"), " share of the image’s variance"],
    of: ({ alphasCumprod }) => alphasCumprod,
    y: { label: "", range: [0, 1] },
  },
  {
    label: "log of the signal-to-noise ratio",
    heading: () => ["log of signal to noise"],
    of: ({ logSnr }) => logSnr,
    y: { label: "", range: [-20, 10] },
  },
];

/**
 * @param {object} options
 * @param {Map<BetaSchedule, ScheduleCurves>} options.curves of all four
 * @param {BetaSchedule} options.value
 * @param {(schedule: BetaSchedule) => void} options.onChange
 * @param {(t: number) => void} options.onSeek
 */
export function createSchedules({ curves, value, onChange, onSeek }) {
  const choice = createChoice({
    legend: "Schedule",
    choices: schedules.map(({ value, name }) => ({ value, name })),
    value,
    onChange: (schedule) => {
      draw();
      onChange(schedule);
    },
  });
  const legend = h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    ...schedules.map(({ name, colour }) => h("li", { "data-colour": colour }, name)),
  );
  const areas = quantities.map(() => h("div"));
  /** @type {ReturnType<typeof createPlot>[]} */
  let plots = [];
  let marked = 0;

  /** Drawn again, because the schedule in use is bolder. */
  const draw = () => {
    for (const plot of plots) plot.dispose();
    plots = quantities.map(({ label, y }, i) => {
      const plot = createPlot({
        label,
        x: { label: "t" },
        y,
        height: 180,
        series: schedules.map(({ value, name, colour }) => ({
          name,
          colour,
          width: value === choice.value ? 3 : 1.25,
        })),
        onSeek: (t) => onSeek(Math.round(t)),
      });
      const lines = linesOf(quantities[i]);
      plot.set([(lines[0] ?? []).map((_, t) => t), ...lines], "");
      areas[i]?.replaceChildren(plot.element);
      return plot;
    });
    mark(marked);
  };
  /** @param {(typeof quantities)[number] | undefined} quantity @returns {Float64Array[]} a line for each schedule */
  const linesOf = (quantity) =>
    schedules.map(({ value }) => {
      const found = curves.get(value);
      return (found && quantity?.of(found)) ?? new Float64Array();
    });
  /** @param {number} t */
  const mark = (t) => {
    marked = t;
    const at = Math.max(0, t);
    plots.forEach((plot, i) => {
      const lines = linesOf(quantities[i]);
      const values = schedules.map(
        ({ name }, line) => `${name} ${Number((lines[line]?.[at] ?? 0).toPrecision(2))}`,
      );
      plot.say(`at t = ${at}, ${values.join(", ")}`);
      plot.mark(t < 0 ? null : t);
    });
  };
  draw();

  return {
    element: choice.element,
    plots: h(
      "div",
      { class: "schedules" },
      legend,
      h(
        "div",
        { class: "schedule-plots" },
        ...areas.map((area, i) => titled(quantities[i]?.heading() ?? "", area)),
      ),
    ),
    get value() {
      return choice.value;
    },
    set value(schedule) {
      if (choice.value === schedule) return;
      choice.value = schedule;
      draw();
    },
    mark,
    dispose() {
      for (const plot of plots) plot.dispose();
    },
  };
}

/**
 * The curves of all four, from the crate.
 * @param {import("../../client/arithmetic.js").Arithmetic} arithmetic
 * @param {number} trainTimesteps
 */
export async function loadSchedules(arithmetic, trainTimesteps) {
  const all = schedules.map(async ({ value }) => {
    const curves = await arithmetic.scheduleOf({ betaSchedule: value, trainTimesteps });
    return /** @type {[BetaSchedule, ScheduleCurves]} */ ([value, curves]);
  });
  return new Map(await Promise.all(all));
}

/**
 * Which of the four a model was trained with, or the one that is most like it.
 * @param {Map<BetaSchedule, ScheduleCurves>} curves of all four
 * @param {import("../../protocol/messages.js").Loaded["schedule"]} own
 */
export function nearestSchedule(curves, { alphasCumprod: own }) {
  /** @param {BetaSchedule} value */
  const away = (value) => {
    const other = curves.get(value)?.alphasCumprod;
    return own.reduce((most, left, t) => Math.max(most, Math.abs(left - (other?.[t] ?? 2))), 0);
  };
  const values = schedules.map(({ value }) => value);
  return values.reduce((best, value) => (away(value) < away(best) ? value : best));
}
