// The squared error over t: of the network, and of the best possible answers, where those are known. For the page's
// digits they have a closed form; for the images that a model was trained on, its folder may have the curve.

import { createPlot } from "../../parts/plot.js";
import { titled } from "../../parts/titled.js";
import { createWord } from "../../parts/word.js";
import { h } from "../../screen/dom.js";
import { ofDigits } from "../../settings/suit.js";
import { createComparison } from "./comparison.js";
import { Curve } from "./measure.js";
import { FLOOR, leastError, valueAt } from "./optimum.js";
import { bestInWords, errorInWords, many } from "./words.js";

/** @typedef {import("./measure.js").Subject} Subject */
/** @typedef {import("../../parts/plot.js").SeriesOptions} SeriesOptions */

/** Below the plot, so that a line leaves it. @param {number} value */
const drawn = (value) => Math.max(value, FLOOR ** 2);

/**
 * @param {import("../../protocol/messages.js").Loaded} loaded
 * @param {number} ofPage how many images the page has of which this is one; 0 where it is none of the page's
 * @param {readonly number[]} times at which the curves are computed
 * @param {(t: number) => void} onSeek
 */
export function createErrors({ info, schedule, optimum }, ofPage, times, onSeek) {
  const kind = ofDigits(info) ? "digits" : "images";
  const names = {
    page: `best for the page’s ${many(ofPage)} digits`,
    training: `best for ${many(optimum?.images ?? 0)} training ${kind}`,
  };
  const compares = ofPage > 0 || optimum !== null;
  /** @type {SeriesOptions[]} */
  const series = [{ name: compares ? "the network" : "squared error", spanning: true, width: 2 }];
  if (ofPage > 0) series.push({ name: names.page, colour: "second", dashed: true });
  if (optimum !== null) series.push({ name: names.training, colour: "third" });
  let highest = 1;
  const plot = createPlot({
    label: "Squared error over t",
    x: { label: "t" },
    y: {
      label: "squared error",
      log: true,
      say: errorInWords,
      ...(compares ? { range: () => [FLOOR, highest] } : {}),
    },
    height: compares ? 280 : 200,
    named: compares,
    series,
    onSeek: (t) => onSeek(Math.round(t)),
  });
  const comparison = compares ? createComparison({ info, optimum, ofPage, kind }) : null;
  const titledPlot = titled(
    h(
      "span",
      {},
      "The ",
      createWord("squared-error", "squared error"),
      " over t, for this image and noise",
    ),
    plot.element,
  );
  const [own, best] = [new Curve(), new Curve()];
  /** @type {Subject | null} */
  let subject = null;
  let marked = 0;

  /** The least error that an answer for this x_t can have; null where it is not known. @param {number} t */
  const least = (t) => {
    if (!subject?.origins) return null;
    if (!best.has(t)) {
      const { x0, eps, origins } = subject;
      best.put(t, leastError(x0, eps, origins, schedule.alphasCumprod[t] ?? NaN));
    }
    return best.at(t);
  };

  /** All of them, each in a task of its own: together they would hold up the page. @param {Subject | null} of */
  const computeLeast = async (of) => {
    for (const t of times) {
      await new Promise((resolve) => setTimeout(resolve));
      if (subject !== of) return;
      least(t);
    }
    draw();
  };

  const show = () => {
    comparison?.show(marked, {
      network: own.at(marked),
      page: least(marked),
    });
  };
  const draw = () => {
    const [known, values] = own.lines;
    const timesteps = [...new Set(compares ? [...times, ...known] : known)].sort((a, b) => a - b);
    highest = Math.max(1, ...values);
    const knowsBest = times.every((t) => best.has(t));
    const page = knowsBest ? timesteps.map(least).filter((value) => value !== null) : [];
    const training =
      optimum === null
        ? null
        : timesteps.map((t) => valueAt(optimum.timesteps, optimum.optimum, t));
    const ends =
      known.length < 2
        ? ""
        : ` from ${Number(values[0]?.toPrecision(2))} at t = ${known[0]} to ${Number(values.at(-1)?.toPrecision(2))} at t = ${known.at(-1)}`;
    const said = [
      ...(page.length > 0 ? [bestInWords(names.page, timesteps, page)] : []),
      ...(training === null ? [] : [bestInWords(names.training, timesteps, training)]),
    ];
    plot.set(
      [
        timesteps,
        timesteps.map((t) => own.at(t)),
        ...(ofPage > 0 ? [page.length > 0 ? page.map(drawn) : timesteps.map(() => null)] : []),
        ...(training === null ? [] : [training.map(drawn)]),
      ],
      [`${known.length} times computed${ends}`, ...said].join("; "),
    );
    show();
  };

  return {
    element: titledPlot,
    /** Both in numbers, and what they mean; null where there is one alone. */
    comparison: comparison?.element ?? null,
    /** For another image or noise. @param {Subject | null} of null: not known yet */
    begin(of) {
      subject = of;
      own.clear();
      best.clear();
      draw();
      if (of?.origins) void computeLeast(of);
    },
    /** @param {number} t */
    has: (t) => own.has(t),
    /** What the network's answer has. @param {number} t @param {number} error */
    put(t, error) {
      own.put(t, error);
      draw();
    },
    /** @param {number} t */
    mark(t) {
      marked = t;
      plot.mark(t);
      show();
    },
    dispose() {
      subject = null;
      plot.dispose();
    },
  };
}
