// Figure 12: learning, with the visitor's own drawings. The learner itself outlives the figure (client/learner.js), because
// what it has learned can become the model of the page.

import { duration } from "../basics/numbers.js";
import { asSentence, sentence } from "../basics/sentence.js";
import { theLearner } from "../client/learner.js";
import { createButton } from "../parts/button.js";
import { createChoice } from "../parts/choice.js";
import { createImageGrid } from "../parts/image-grid.js";
import { createReadouts } from "../parts/readouts.js";
import { createSlider } from "../parts/slider.js";
import { createSwitch } from "../parts/switch.js";
import { titled } from "../parts/titled.js";
import { USUALLY } from "../protocol/learning.js";
import { h, setText } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { digitsFit, labelOfDigit } from "../settings/suit.js";
import { createMore } from "./shared/more.js";
import { cardOf } from "./teach/card.js";
import { createCurves } from "./teach/curves.js";
import { createExamples } from "./teach/examples.js";
import { createOneStep } from "./teach/one-step.js";

/** @typedef {import("./shared/figure.js").Context} Context */
/** @typedef {import("../protocol/learning.js").BeginsWith} BeginsWith */

const RATES = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3];
const STEPS = [50, 150, 300, 600, 1200, 2400];

/** @type {import("./shared/figure.js").Create} */
export async function create(root, context) {
  const digits = await context.digits();
  return new Teach(root, context, digits);
}

class Teach {
  #context;
  #digits;
  #learner = theLearner();
  #unlisten;
  #disposed = false;
  /** @type {BeginsWith} */
  #from = "model";
  #steps = 150;
  /** Whether one step runs, line by line. */
  #stepping = false;
  /** What was said of the learner last. */
  #said = "";

  #examples;
  #learn = createButton({
    name: "Learn",
    icon: "play",
    shown: true,
    primary: true,
    onPress: () => this.#toggle(),
  });
  #use = createButton({ name: "Walk with this model", onPress: () => this.#walkWithIt() });
  #start;
  #rate = createSlider({
    label: "Learning rate",
    word: "learning-rate",
    choices: RATES,
    value: USUALLY.learningRate,
    format: String,
    onChange: (learningRate) => this.#set({ learningRate }),
  });
  #varies = createSwitch({
    label: "vary each example: shift, turn, thickness",
    value: USUALLY.varies,
    onChange: (varies) => this.#set({ varies }),
  });
  #mirrors = createSwitch({
    label: "mirror half of them",
    value: USUALLY.mirrors,
    onChange: (mirrors) => this.#set({ mirrors }),
  });
  #oneStep = createOneStep({ onPress: () => this.#attempt(() => this.#takeOneStep()) });
  #undo = createButton({
    name: "Undo to the last good state",
    onPress: () => this.#attempt(() => this.#learner.undo()),
  });
  #again = createButton({ name: "Begin again", onPress: () => this.#attempt(() => this.#begin()) });
  #save = createButton({
    name: "Download the model",
    icon: "save",
    shown: true,
    onPress: () => this.#attempt(() => this.#download()),
  });
  #forget = createButton({
    name: "Forget all",
    onPress: () => this.#attempt(() => this.#forgetAll()),
  });
  #readouts = createReadouts({
    step: "step",
    speed: "steps a second",
    images: "images a second",
    left: "time left",
  });
  #grid;
  #gridBox;
  #curves = createCurves();
  #status = h("p", { class: "notice", role: "status" });
  #where = h("p", { class: "notice", role: "status" });
  #keeping = h("p", { class: "hint" });

  /** @param {HTMLElement} root @param {Context} context @param {import("../client/digits.js").Digits} digits */
  constructor(root, context, digits) {
    this.#context = context;
    this.#digits = digits;
    const [, ...shape] = context.shape;
    const fits = digitsFit(context.shape, digits);
    this.#examples = createExamples({
      shape,
      digits: fits ? digits : null,
      onChange: (examples) => this.#attempt(() => this.#learner.show(examples, shape)),
    });
    const [, height = 1, width = 1] = shape;
    this.#grid = createImageGrid({
      columns: 4,
      rows: 4,
      imageSize: [height, width],
      empty: "Sixteen walks, once it learns",
    });
    this.#gridBox = titled("Sixteen walks from the same noise", this.#grid.element);
    this.#start = createChoice({
      legend: "Begin with",
      choices: [
        { value: /** @type {BeginsWith} */ ("model"), name: "this model" },
        { value: "nothing", name: "nothing" },
      ],
      value: this.#from,
      onChange: (from) => {
        this.#from = from;
      },
    });
    root.append(this.#compose());
    this.#unlisten = this.#learner.listen(withNextFrame(() => this.#show()));
    this.#learner.device = context.loaded.info.device;
    this.#attempt(() => this.#learner.open());
    this.#show();
  }

  /** Nothing is computed here: what is being learned goes on, as the visitor asked for. */
  rest() {}

  dispose() {
    this.#disposed = true;
    this.#unlisten();
    this.#curves.dispose();
  }

  #compose() {
    const steps = createSlider({
      label: "Steps, each time Learn is pressed",
      choices: STEPS,
      value: this.#steps,
      onChange: (value) => {
        this.#steps = value;
      },
    });
    const hidden = createSwitch({
      label: "continue while this tab is hidden",
      value: this.#learner.goesOnHidden,
      onChange: (value) => {
        this.#learner.goesOnHidden = value;
      },
    });
    return h(
      "div",
      { class: "teach" },
      this.#examples.element,
      h("div", { class: "stack" }, this.#gridBox, this.#readouts.element),
      h(
        "div",
        { class: "teach-controls" },
        this.#learn.element,
        this.#use.element,
        this.#status,
        this.#where,
        this.#keeping,
      ),
      this.#curves.element,
      createMore(
        h(
          "div",
          { class: "teach-settings" },
          h("div", { class: "stack" }, this.#start.element, this.#rate.element, steps.element),
          h("div", { class: "stack" }, this.#varies.element, this.#mirrors.element, hidden.element),
          this.#examples.more,
          h(
            "div",
            { class: "stack" },
            h("div", { class: "row" }, this.#undo.element, this.#again.element),
            h("div", { class: "row" }, this.#save.element, this.#forget.element),
          ),
        ),
        this.#oneStep.element,
      ),
    );
  }

  /** @param {() => unknown} work what goes wrong in it is said */
  async #attempt(work) {
    try {
      setText(this.#status, "");
      await work();
    } catch (error) {
      setText(this.#status, asSentence(sentence(error)));
    }
  }

  /** @param {Partial<import("../protocol/learning.js").HowToLearn>} change */
  #set(change) {
    this.#attempt(() => this.#learner.set(change));
  }

  #toggle() {
    return this.#attempt(async () => {
      if (this.#learner.status.running) {
        await this.#learner.pause();
        return;
      }
      if (this.#isForeign) {
        const [, height, width] = this.#learner.status.learning?.shape ?? [];
        throw new Error(
          `What was learned here before draws images of ${height} × ${width} in other colours or size than this model. Open such a model to continue, or press Begin again.`,
        );
      }
      if (this.#learner.status.learning === null) await this.#begin();
      await this.#learner.learn((this.#learner.status.learning?.step ?? 0) + this.#steps);
    });
  }

  /** Whether what is learned has images of another shape than the model of the page. */
  get #isForeign() {
    const { learning } = this.#learner.status;
    return learning !== null && !sameShape(learning.shape, this.#context.shape);
  }

  async #begin() {
    const { source } = this.#context;
    if (this.#examples.value.length === 0) {
      throw new Error("There is nothing to learn from yet. Draw an example and add it.");
    }
    const [, ...shape] = this.#context.shape;
    if (this.#isForeign) await this.#learner.show(this.#examples.value, shape);
    const seed = 1;
    const rehearsal = this.#rehearsal();
    await this.#learner.begin({ from: this.#from, model: source, shape, rehearsal, seed });
  }

  /** The page's digits, where the model knows them: what it is to keep. */
  #rehearsal() {
    const { info } = this.#context.loaded;
    const digits = this.#digits;
    if (!digitsFit(this.#context.shape, digits)) return null;
    const labels = digits.labels.map((digit) => labelOfDigit(info, digit));
    const known = labels.flatMap((label, i) => (label === undefined ? [] : [{ label, i }]));
    if (known.length === 0) return null;
    const size = digits.height * digits.width;
    const images = new Float32Array(known.length * size);
    known.forEach(({ i }, at) => images.set(digits.images[i] ?? [], at * size));
    return { images, labels: Uint32Array.from(known, ({ label }) => label) };
  }

  async #takeOneStep() {
    if (this.#learner.status.learning === null) await this.#begin();
    this.#stepping = true;
    this.#show();
    try {
      await this.#oneStep.run(this.#learner, {
        imageShape: this.#context.shape.slice(1),
        calm: this.#context.calm,
        say: (sentence) => setText(this.#status, sentence),
      });
    } finally {
      this.#stepping = false;
      this.#oneStep.light(false);
      this.#show();
    }
  }

  #card() {
    const { learning, examples } = this.#learner.status;
    if (learning === null) throw new Error("Nothing has been learned yet.");
    return cardOf({ learning, examples: examples.length });
  }

  #walkWithIt() {
    return this.#attempt(async () => {
      const model = await this.#learner.model(this.#card());
      this.#context.open(model);
    });
  }

  async #download() {
    const zip = await this.#learner.zip(this.#card(), "yours");
    const url = URL.createObjectURL(zip);
    h("a", { href: url, download: "yours.zip" }).click();
    // The browser has it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    setText(this.#status, `Saved yours.zip, ${(zip.size / 1e6).toFixed(1)} MB.`);
  }

  async #forgetAll() {
    await this.#learner.forget();
    this.#examples.value = [];
    setText(this.#status, "Everything is forgotten: examples, and what was learned from them.");
  }

  /** Says how it is with the learner, until that is over. @param {string} words */
  #say(words) {
    if (words !== "") setText(this.#status, words);
    else if (this.#said !== "" && this.#status.textContent === this.#said) {
      setText(this.#status, "");
    }
    this.#said = words;
  }

  #show() {
    if (this.#disposed) return;
    const {
      examples,
      learning,
      how,
      running,
      walks,
      errors,
      milliseconds,
      imagesPerStep,
      keeping,
      learnsOn,
      notice,
    } = this.#learner.status;
    if (
      !isSame(this.#examples.value, examples) &&
      sameShape(this.#learner.status.shape, this.#context.shape)
    ) {
      this.#examples.value = examples;
    }
    this.#rate.value = how.learningRate;
    this.#varies.value = how.varies;
    this.#mirrors.value = how.mirrors;
    this.#learn.rename(
      running ? "Pause" : learning === null || learning.step === 0 ? "Learn" : "Continue learning",
      running ? "pause" : "play",
    );
    const hasLearned = learning !== null && learning.step > 0;
    this.#use.element.hidden = !hasLearned;
    this.#learn.disabled = this.#stepping;
    this.#oneStep.disabled = running || this.#stepping;
    this.#undo.disabled = !hasLearned || running;
    this.#again.disabled = learning === null || running;
    this.#save.disabled = !hasLearned;
    this.#forget.disabled = running;
    if (!this.#stepping) this.#oneStep.light(running);

    const step = learning?.step ?? 0;
    const left =
      running && milliseconds !== null ? (this.#learner.until - step) * milliseconds : null;
    this.#readouts.show({
      step: learning === null ? "–" : String(step),
      speed: milliseconds === null ? "–" : (1000 / milliseconds).toPrecision(2),
      images: milliseconds === null ? "–" : ((1000 * imagesPerStep) / milliseconds).toPrecision(2),
      left: left === null ? "–" : duration(Math.max(0, left)),
    });
    this.#curves.showLosses(learning?.losses ?? []);
    this.#curves.showErrors(errors);
    if (walks !== null && !this.#isForeign) {
      this.#grid.show(walks.images, walks.shape, `Sixteen walks after step ${walks.step}`);
    }
    this.#say(notice || wordsOf(this.#learner.status));
    const onGpu = learnsOn?.device === "webgpu" ? "It learns on the GPU." : "";
    setText(this.#where, learnsOn?.notice || onGpu);
    setText(
      this.#keeping,
      `Nothing leaves this machine. ${keeping || "What you draw and what is learned from it are kept in this browser until you press Forget all."}`,
    );
  }
}

/** Why there is nothing new to see. @param {import("../client/learner-state.js").LearnerState} status */
function wordsOf({ rests, silent, loading, learning }) {
  if (rests) return "Learning waits until this tab is seen.";
  if (silent) {
    return `Nothing has been heard of the learner for a minute, since step ${learning?.step ?? 0}. Wait, or reload the page: what was kept is still there then.`;
  }
  return loading ? "Loading the learner" : "";
}

/** @param {number[] | null} shape @param {number[]} other with a count before it */
const sameShape = (shape, other) =>
  shape !== null && shape.every((side, i) => side === other[i + 1]);

/** @param {readonly unknown[]} one @param {readonly unknown[]} other */
const isSame = (one, other) =>
  one.length === other.length && one.every((value, i) => value === other[i]);
