// Figure 4: the question the network is trained on, asked about one digit, one t and one noise; and
// how hard it is at every t.

import { latest } from "../basics/latest.js";
import { difference } from "../basics/statistics.js";
import { createReadouts } from "../parts/readouts.js";
import { createSeed } from "../parts/seed.js";
import { createSlider } from "../parts/slider.js";
import { createTile } from "../parts/tile.js";
import { createWord } from "../parts/word.js";
import { h } from "../screen/dom.js";
import { EPS_RANGE } from "../screen/paint.js";
import { bind } from "../settings/bind.js";
import { digitsFit, labelFor, labelOfDigit, ofDigits } from "../settings/suit.js";
import { createBound } from "./learning/bound.js";
import { createErrors } from "./learning/errors.js";
import { createListing } from "./learning/listing.js";
import { ask, times } from "./learning/measure.js";
import { createMore } from "./shared/more.js";
import { createSubject } from "./shared/subject.js";

/** @typedef {import("./shared/figure.js").Context} Context */
/** @typedef {import("../client/digits.js").Digits} Digits */
/** @typedef {import("./learning/measure.js").Subject} Subject */

/** Of the difference of two noises, what is this large takes the full colour. */
const DIFFERENCE_RANGE = 0.5;

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  return new Learning(root, context, await context.digits());
}

class Learning {
  #context;
  #settings;
  #binding;
  #picker;
  #slider;
  #tiles = {
    xt: createTile({ term: "x_t", caption: "the input", empty: "Not ready yet" }),
    eps: createTile({
      term: "eps",
      caption: "went in",
      colours: { range: EPS_RANGE },
      empty: "Not ready yet",
    }),
    guess: createTile({
      term: "eps-hat",
      caption: "the answer",
      colours: { range: EPS_RANGE },
      empty: "Not ready yet",
    }),
    difference: createTile({
      caption: "its error, blue to orange",
      colours: { range: DIFFERENCE_RANGE, map: "signed" },
      empty: "Not ready yet",
    }),
  };
  #readouts = createReadouts({
    error: h("span", {}, createWord("squared-error", "squared error"), ", mean over the pixels"),
    nothing: "if the answer were zero",
  });
  /** The page's, where the model draws such. @type {Digits | null} */
  #digits;
  #errors;
  #terms;
  #ask;
  #fill;
  /** @type {Promise<Subject> | null} */
  #subject = null;

  /** @param {HTMLElement} root @param {Context} context @param {Digits} digits */
  constructor(root, context, digits) {
    const { loaded, shape, allSettings, fail } = context;
    this.#context = context;
    this.#digits = ofDigits(loaded.info) && digitsFit(shape, digits) ? digits : null;
    this.#settings = allSettings.group("learn");
    this.#binding = bind(
      this.#settings,
      {
        digit: (options) => createSubject({ context, digits, ...options }),
        t: (options) =>
          createSlider({
            label: "Time t",
            min: 0,
            max: loaded.info.trainTimesteps - 1,
            ...options,
          }),
        seed: createSeed,
      },
      { changed: (name) => (name === "t" ? this.#askAtTime() : this.#begin()) },
    );
    const { digit: picker, t: slider, seed } = this.#binding.controls;
    this.#picker = picker;
    this.#slider = slider;
    const all = times(loaded.info.trainTimesteps);
    const ofPage = this.#digits?.images.length ?? 0;
    this.#errors = createErrors(loaded, ofPage, all, (t) => this.#seek(t));
    this.#terms = createBound(context.engine, all, (t) => this.#seek(t));
    this.#ask = latest(
      (signal, /** @type {Promise<Subject>} */ subject, /** @type {number} */ t) =>
        this.#show(signal, subject, t),
      fail,
    );
    this.#fill = latest(
      (signal, /** @type {Promise<Subject>} */ subject) => this.#computeCurves(signal, subject),
      fail,
    );
    const { xt, eps, guess, difference } = this.#tiles;
    root.append(
      h(
        "div",
        { class: "learning" },
        h(
          "div",
          { class: "stack" },
          h(
            "div",
            { class: "learning-tiles" },
            ...[xt, eps, guess, difference].map(({ element }) => element),
          ),
          this.#slider.element,
          this.#readouts.element,
        ),
        h("div", { class: "stack" }, this.#picker.element, createMore(seed.element)),
      ),
      h(
        "div",
        { class: "learning-plots" },
        this.#errors.element,
        this.#errors.comparison,
        this.#terms.element,
        ...(context.loaded.info.predictionType === "epsilon"
          ? []
          : [
              h(
                "p",
                { class: "notice" },
                "This model was trained to predict something else, from which the noise is computed; its own loss weights the same error by another factor at each t.",
              ),
            ]),
        createListing(),
      ),
    );
    this.#begin();
  }

  /** @param {boolean} resting */
  rest(resting) {
    this.#picker.rest(resting);
    this.#ask.rest(resting);
    this.#fill.rest(resting);
    // What is known of the curves is kept; the rest of them is computed when somebody looks again.
    if (resting) this.#fill.cancel();
    else if (this.#subject !== null) this.#fill.ask(this.#subject);
  }

  dispose() {
    this.#binding.dispose();
    this.#picker.dispose();
    this.#ask.cancel();
    this.#fill.cancel();
    this.#subject = null;
    this.#errors.dispose();
    this.#terms.dispose();
  }

  /** Another digit, or another seed. */
  #begin() {
    const { seed, t } = this.#settings.values;
    const { x0, digit } = this.#picker;
    const { arithmetic, loaded } = this.#context;
    this.#mark(t);
    if (x0 === null) return;
    const subject = arithmetic.noise({ seed, draws: 1, size: x0.length }).then((eps) => ({
      x0,
      label: labelFor(loaded.info, digit),
      seed,
      eps,
      origins: this.#origins(digit),
    }));
    this.#subject = subject;
    this.#errors.begin(null);
    this.#terms.clear();
    // What is known without the network is there at once.
    subject.then(
      (known) => this.#subject === subject && this.#errors.begin(known),
      () => {},
    );
    this.#ask.ask(subject, t);
    this.#fill.ask(subject);
  }

  /** @param {number} wish */
  #seek(wish) {
    const t = Math.min(this.#context.loaded.info.trainTimesteps - 1, Math.max(0, wish));
    this.#slider.value = t;
    this.#settings.set({ t });
    this.#askAtTime();
  }

  #askAtTime() {
    const { t } = this.#settings.values;
    this.#mark(t);
    if (this.#subject !== null) this.#ask.ask(this.#subject, t);
  }

  /** @param {number} t */
  #mark(t) {
    this.#errors.mark(t);
    this.#terms.mark(t);
  }

  /** @param {AbortSignal} signal @param {Promise<Subject>} asked @param {number} t */
  async #show(signal, asked, t) {
    const subject = await asked;
    const { xt, eps, guess, error, nothing } = await ask(this.#context, subject, t, signal);
    if (signal.aborted) return;
    const { shape } = this.#context;
    const { name } = this.#picker;
    const at = `at t = ${t}`;
    this.#tiles.xt.show(xt, shape, `The input: ${name} with noise, ${at}`);
    this.#tiles.eps.show(eps, shape, `The noise that went in, ${at}`);
    this.#tiles.guess.show(guess, shape, `The answer: the noise in ${name}, ${at}`);
    this.#tiles.difference.show(difference(guess, eps), shape, `The answer minus the noise, ${at}`);
    this.#readouts.show({ error: error.toPrecision(4), nothing: nothing.toPrecision(4) });
    this.#errors.put(t, error);
    await this.#terms.ask(subject, t, signal, true);
  }

  /** @param {AbortSignal} signal @param {Promise<Subject>} asked */
  async #computeCurves(signal, asked) {
    const subject = await asked;
    const all = times(this.#context.loaded.info.trainTimesteps);
    for (const t of all) {
      if (signal.aborted) return;
      if (this.#errors.has(t)) continue;
      const { error } = await ask(this.#context, subject, t, signal);
      this.#errors.put(t, error);
    }
    await this.#terms.prior(subject, signal);
    for (const t of all) {
      if (signal.aborted) return;
      await this.#terms.ask(subject, t, signal);
    }
  }

  /** The page's digits that one may be, for whoever knows what the network is told. @param {number | null} digit */
  #origins(digit) {
    if (this.#digits === null) return null;
    const { images, labels } = this.#digits;
    const isTold = labelOfDigit(this.#context.loaded.info, digit) !== undefined;
    return isTold ? images.filter((_, i) => labels[i] === digit) : images;
  }
}
