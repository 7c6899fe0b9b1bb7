// The page: starts the worker, loads the model, hands both to the figure, and says what goes wrong.

import { Engine } from "./engine.js";
import { Hero } from "./hero.js";
import { element } from "./dom.js";
import { asSentence, sentence } from "./sentence.js";
import { readSettings } from "./settings.js";

/** Points every link that names a file of the source at the repository. */
function linkSources() {
  const repository = document.querySelector('meta[name="repository"]')?.getAttribute("content");
  if (!repository) return;
  for (const link of document.querySelectorAll("a[data-source]")) {
    const path = link.getAttribute("data-source");
    link.setAttribute("href", path ? `${repository}/blob/main/${path}` : repository);
  }
}

/** @param {import("./protocol.js").Progress} progress */
function showProgress({ activity, loaded, total }) {
  const text = element("activity", HTMLElement);
  if (text.textContent !== activity) text.textContent = activity;
  const bar = element("download", HTMLProgressElement);
  if (total > 0) {
    bar.max = total;
    bar.value = loaded;
  } else {
    bar.removeAttribute("value");
  }
  element("bytes", HTMLElement).textContent =
    loaded === 0
      ? ""
      : total > 0
        ? `${megabytes(loaded)} of ${megabytes(total)} MB`
        : `${megabytes(loaded)} MB`;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** Says what went wrong in place of the image. @param {unknown} error */
function fail(error) {
  element("loading", HTMLElement).hidden = true;
  element("failure", HTMLElement).hidden = false;
  element("failure-text", HTMLElement).textContent = asSentence(sentence(error));
}

async function begin() {
  if (typeof WebAssembly !== "object") {
    throw new Error("This browser has no WebAssembly, and the network cannot run without it.");
  }
  const settings = readSettings(new URLSearchParams(location.search));
  if (settings.device === "webgpu") element("failure-cpu", HTMLElement).hidden = false;
  element("walk", HTMLElement).dataset["started"] = "";
  showProgress({ activity: "Starting", loaded: 0, total: 0 });
  const engine = new Engine(showProgress);
  const loaded = await engine.load({ model: settings.model, device: settings.device });
  element("loading", HTMLElement).hidden = true;
  new Hero(engine, loaded, settings, fail);
}

linkSources();
begin().catch(fail);
