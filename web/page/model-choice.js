// Which model the page shows: what the address asks for at first, then what the visitor opens or chooses.

import { asSentence, sentence } from "../basics/sentence.js";
import { NO_SIZE } from "../models/chosen.js";
import { isOwnName, ownModel, ownModels } from "../models/own.js";
import { element } from "../screen/dom.js";
import { setUpDrop } from "./drop.js";
import { otherModels, use } from "./later.js";
import { recallLocal, rememberLocal } from "./local-model.js";
import { createBar } from "./model-bar.js";

/** @typedef {import("../models/source.js").ModelSource} ModelSource */
/** @typedef {import("./model-view.js").ModelView} ModelView */

/**
 * Shows the model that the address asks for, and from then on what the visitor wants.
 * @param {ModelView} view
 * @param {string | null} wish of the address
 * @throws {Error} when there is no model to begin with
 */
export async function setUpModels(view, wish) {
  if (wish !== null && !isOwnName(wish)) otherModels().catch(() => {});
  const own = await ownModels();
  const first = ownModel(own[0] ?? "", true);
  const bar = createBar(
    own,
    (name) => change(async () => (name === first.name ? first : ownModel(name, false))),
    (choice) => change(async () => withChoice(shown, choice)),
  );
  /** What is shown, or was last. */
  let shown = /** @type {ModelSource} */ (first);
  /** What the visitor gave for it. @type {WeakMap<ModelSource, import("../models/given.js").Given[]>} */
  const givenFor = new WeakMap();

  /** The same model, with something chosen. @param {ModelSource} source @param {import("../models/chosen.js").Chosen} choice */
  const withChoice = async (source, choice) => {
    const chosen = { ...source.chosen, ...choice };
    const { located, sourceOf } = await otherModels();
    if (source.kind === "address") return located({ ...source, chosen });
    const given = givenFor.get(source);
    if (given === undefined) return { ...source, chosen };
    const changed = await sourceOf(given, chosen);
    givenFor.set(changed, given);
    return changed;
  };
  /**
   * Shows a model; where it does not say how large its images are, once the visitor does.
   * @param {ModelSource} source
   * @param {Parameters<ModelView["show"]>[1]} [options]
   */
  const show = async (source, options) => {
    let loaded;
    try {
      loaded = await view.show(source, options);
    } catch (error) {
      const size =
        sentence(error) === NO_SIZE ? await otherModels().then(({ askSize }) => askSize()) : null;
      if (size === null) throw error;
      source = await withChoice(source, { size });
      loaded = await view.show(source, options);
    }
    shown = source;
    bar.show(source, loaded);
  };

  /** One change after the other. @type {Promise<unknown>} */
  let turn = Promise.resolve();
  /** @param {() => Promise<ModelSource>} find */
  const change = (find) => {
    turn = turn.then(async () => {
      bar.wait();
      /** @type {ModelSource} */
      let source;
      try {
        source = await find();
      } catch (error) {
        bar.fail(asSentence(sentence(error)));
        return;
      }
      try {
        await show(source, {
          arrived: () => nameInAddress(source.kind === "address" ? source.parameter : null),
        });
        rememberLocal(source.kind === "files" ? source.name : null);
      } catch (error) {
        console.warn(error);
        // Where no model is left to see, the sentence stands in the place of the image.
        bar.fail(view.isSet ? asSentence(sentence(error)) : "");
      }
    });
  };

  const { source, complaints } = await atFirst(wish, first);
  const local = wish === null ? recallLocal() : null;
  turn = show(source, { complaints }).then(() => {
    if (local !== null) bar.offerAgain(local);
  });
  const begun = turn;
  // Another model can be opened even where this one cannot.
  turn = turn.catch(() => {});
  view.open = (model) => change(async () => model);
  setUpOpener({
    files: (given) =>
      change(async () => {
        const [files, { sourceOf }] = await Promise.all([given, otherModels()]);
        const opened = await sourceOf(files);
        givenFor.set(opened, files);
        return opened;
      }),
    async named(text) {
      const { located, mayFetch, modelAt } = await otherModels();
      const asked = modelAt(text, location.href);
      if (asked.foreign && !(await mayFetch(asked, "You ask"))) return false;
      change(() => located(asked));
      return true;
    },
  });
  await begun;
}

/** @param {import("./model-opener.js").Ways} open */
function setUpOpener(open) {
  setUpDrop(open.files);
  /** @type {HTMLDialogElement | null} */
  let dialog = null;
  const button = element("model-open", HTMLButtonElement);
  button.addEventListener("click", () =>
    use(otherModels, ({ setUpDialog }) => {
      dialog ??= setUpDialog(open);
      dialog.showModal();
    }),
  );
  // Where nothing can be computed it is not offered.
  button.hidden = false;
}

/**
 * @param {string | null} wish
 * @param {ModelSource} first
 * @returns {Promise<{ source: ModelSource, complaints: string[] }>}
 */
async function atFirst(wish, first) {
  if (wish === null || wish === first.name) return { source: first, complaints: [] };
  if (isOwnName(wish)) return { source: ownModel(wish, false), complaints: [] };
  try {
    const { located, mayFetch, modelAt } = await otherModels();
    const source = modelAt(wish, location.href);
    if (!source.foreign || (await mayFetch(source, "The address of this page asks"))) {
      return { source: await located(source), complaints: [] };
    }
    nameInAddress(null, true);
    return { source: first, complaints: [] };
  } catch (error) {
    nameInAddress(null, true);
    const instead = `Using the page's own model.`;
    return { source: first, complaints: [`${asSentence(sentence(error))} ${instead}`] };
  }
}

/**
 * Writes into the address which model is shown.
 * @param {string | null} model null: none, as for the page's own
 * @param {boolean} [keepHash] whether what stands behind the # stays: of another model's walk it means nothing
 */
function nameInAddress(model, keepHash = false) {
  const url = new URL(location.href);
  if (model === null) url.searchParams.delete("model");
  else url.searchParams.set("model", model);
  if (!keepHash) url.hash = "";
  history.replaceState(history.state, "", url);
}
