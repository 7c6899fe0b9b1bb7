// Which model the page shows: what the address asks for at first, then what the visitor opens or chooses.

import { asSentence, sentence } from "../basics/sentence.js";
import { modelAt, ownModel, ownModels } from "../models/address.js";
import { sourceOf } from "../models/source.js";
import { recallLocal, rememberLocal } from "./local-model.js";
import { createBar } from "./model-bar.js";
import { mayFetch } from "./model-confirm.js";
import { setUpOpener } from "./model-opener.js";

/** @typedef {import("../models/source.js").ModelSource} ModelSource */
/** @typedef {import("./model-view.js").ModelView} ModelView */

/**
 * Shows the model that the address asks for, and from then on what the visitor wants.
 * @param {ModelView} view
 * @param {string | null} wish of the address
 * @throws {Error} when there is no model to begin with
 */
export async function setUpModels(view, wish) {
  const own = await ownModels();
  const first = ownModel(own[0] ?? "", true);
  const bar = createBar(own, (name) =>
    change(async () => (name === first.name ? first : ownModel(name, false))),
  );

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
        const loaded = await view.show(source, {
          arrived: () => nameInAddress(source.kind === "address" ? source.parameter : null),
        });
        bar.show(source, loaded);
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
  turn = view.show(source, { complaints }).then((loaded) => {
    bar.show(source, loaded);
    if (local !== null) bar.offerAgain(local);
  });
  const begun = turn;
  // Another model can be opened even where this one cannot.
  turn = turn.catch(() => {});
  view.open = (model) => change(async () => model);
  setUpOpener((given) => change(async () => sourceOf(await given)));
  await begun;
}

/**
 * @param {string | null} wish
 * @param {ModelSource} first
 * @returns {Promise<{ source: ModelSource, complaints: string[] }>}
 */
async function atFirst(wish, first) {
  if (wish === null || wish === first.name) return { source: first, complaints: [] };
  try {
    const source = modelAt(wish, location.href);
    if (!source.foreign || (await mayFetch(source))) return { source, complaints: [] };
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
