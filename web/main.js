// The page: starts the worker, loads the model, hands both to the figures, and says what goes wrong.
//
// Where what lies:
//
//   index.html   all text, and an empty place for each figure
//   basics/      helpers independent of page and network: errors as sentences, numbers, statistics
//   models/      which model: the page's own, one behind an address, one that is dropped
//   protocol/    what page and workers say to each other, typed
//   compute/     finds a device that computes correctly, and types the crate's two builds in pkg/
//   worker/      the methods of the workers; worker.js, next to this, is their script
//   client/      the page's side of the workers: engine.js for what needs the network, arithmetic.js for what does
//                not, each a worker of its own, so that a slider is answered while the network computes
//   screen/      elements, colours, tensors as pixels
//   settings/    all that the address can say, as one typed list, read and written
//   parts/       what figures are made of: tiles, sliders, plots, a scrubber ...
//   figures/     one module for each figure, <name>/ where it has grown; shared/ is how a figure is written;
//                list.js lists them
//   page/        the frame around them: contents, places, embeds, help, notices, the choice of a model
//   walkback.js  the walk for pages that others write; its types and an example are in module/
//   styles/      colours and type, the frame, controls, pictures ...; a figure's own are next to it
//
// Nothing is computed on this thread, and nothing at all for a figure that is out of sight. A figure that
// fails says so in its own place; the rest continues.

import { figures, lastingFigures } from "./figures/list.js";
import { revealSections } from "./figures/shared/figure.js";
import { keepInPlace } from "./page/anchoring.js";
import { showBusy } from "./page/busy.js";
import { listContents } from "./page/contents.js";
import { showAlone, watchSight } from "./page/embed.js";
import { around, loadLater, use } from "./page/later.js";
import { setUpModels } from "./page/model-choice.js";
import { ModelView, endProgress, fail, setUpAgain, showProgress } from "./page/model-view.js";
import { setUpNotices, showNotice } from "./page/notices.js";
import { keepOffline } from "./page/offline.js";
import { followPlaces } from "./page/places.js";
import { defineWords } from "./parts/word.js";
import { element } from "./screen/dom.js";
import { firstImage } from "./screen/first-image.js";
import { readWish } from "./settings/list.js";

const wish = readWish(new URLSearchParams(location.search));

/** @param {HTMLElement | null} alone the frame of the one figure that is shown, as an embed */
async function begin(alone) {
  if (typeof WebAssembly !== "object") {
    throw new Error(
      "This browser has no WebAssembly, which the network needs. Use a newer browser.",
    );
  }
  element("walk-back", HTMLElement).dataset["started"] = "";
  showProgress({ activity: "Starting", loaded: 0, total: 0 });
  const view = new ModelView(wish.device, alone !== null);
  view.showLasting();
  if (alone !== null) await watchSight(alone, (signal) => view.release(signal));
  if (alone !== null && lastingFigures[wish.embed ?? ""] !== undefined) {
    // It needs no model, and nothing else is seen.
    endProgress();
    return;
  }
  // The first figure's code comes while the model does.
  figures[first]?.module().catch(() => {});
  await setUpModels(view, wish.model);
  await shown;
  // An embed is kept by the page around it, or not at all.
  if (alone === null && view.device !== null) await keepOffline(view.device);
}

defineWords(document);
revealSections({ ...lastingFigures, ...figures });
listContents();
keepInPlace();
followPlaces();
setUpNotices();
setUpAgain();
showBusy();
element("help-open", HTMLButtonElement).addEventListener("click", () =>
  use(around, ({ help }) => help.showModal()),
);
const alone = wish.embed === null ? null : showAlone(wish.embed);
if (wish.embed !== null && alone === null) {
  showNotice(
    `This link asks for the figure "${wish.embed}", which this page does not have; it shows the whole page.`,
  );
}
const first = alone === null ? "walk-back" : (wish.embed ?? "");
const shown = firstImage(first);
shown.then(loadLater);
begin(alone).catch(fail);
