// What is shown: one model at a time, with all figures made for it, or why there is none.

import { loadModule } from "../basics/load-module.js";
import { asSentence, sentence } from "../basics/sentence.js";
import { ALWAYS } from "../client/always.js";
import { Arithmetic } from "../client/arithmetic.js";
import { Engine } from "../client/engine.js";
import { letGo } from "../client/let-go.js";
import { figures, lastingFigures } from "../figures/list.js";
import { placeFigures } from "../figures/shared/figure.js";
import { History } from "../figures/shared/history.js";
import { element } from "../screen/dom.js";
import { AllSettings } from "../settings/kept-in-address.js";
import { properties, readWish } from "../settings/list.js";
import { useWordsFor } from "./neutral-words.js";
import { showNotice } from "./notices.js";
import { listenForUndo } from "./undo.js";

/** @typedef {import("../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../models/source.js").ModelSource} ModelSource */

/** A start that shows no progress for so long, in milliseconds, may hang. */
const STUCK = 20_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let stuck;

/** What loads the page again; a link to the same address with a # would not. */
export function setUpAgain() {
  for (const id of ["stuck-again", "failure-again"]) {
    element(id, HTMLAnchorElement).addEventListener("click", (event) => {
      event.preventDefault();
      location.reload();
    });
  }
}

/** Says where nothing has happened for a while. @param {boolean} loading whether a model is being loaded */
function watchProgress(loading) {
  clearTimeout(stuck);
  element("stuck", HTMLElement).hidden = true;
  if (loading) stuck = setTimeout(() => (element("stuck", HTMLElement).hidden = false), STUCK);
}

/** @param {import("../protocol/messages.js").Progress} progress */
export function showProgress({ activity, loaded, total }) {
  watchProgress(true);
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

/** Nothing is being loaded. */
export function endProgress() {
  watchProgress(false);
  element("loading", HTMLElement).hidden = true;
}

/** That another embed computes first. */
function showWaiting() {
  showProgress({ activity: "Waiting for another figure", loaded: 0, total: 0 });
  // That may take long, and is no sign that anything hangs.
  watchProgress(false);
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** What computes here, in the details at the end of the page. @param {Loaded} loaded */
function describeDevice({ info, check }) {
  element("detail-device", HTMLElement).textContent =
    info.device === "webgpu"
      ? `WebGPU${info.adapter === "" ? "" : ` on ${info.adapter}`}`
      : "the CPU, in WebAssembly, in one thread; many images in several, where there are cores for them";
  const [height, width] = info.imageSize;
  const millions = (info.parameters / 1e6).toFixed(2);
  element("detail-model", HTMLElement).textContent =
    `${millions} million parameters, ${height} × ${width} pixels, T = ${info.trainTimesteps}`;
  const reference = { golden: "the exporter's", cpu: "the CPU's", none: "" }[check.against];
  const others = info.device === "cpu" ? "" : ", and of the CPU's at two other timesteps";
  element("detail-check", HTMLElement).textContent =
    check.against === "none"
      ? "all numbers finite; this folder has no known result to compare with"
      : `eps-hat is within ${check.difference.toExponential(1)} of ${reference} for the same input${others}`;
}

/** Says what went wrong in place of the image. @param {unknown} error */
export function fail(error) {
  watchProgress(false);
  element("loading", HTMLElement).hidden = true;
  element("failure", HTMLElement).hidden = false;
  const url = new URL(location.href);
  const byName = readWish(url.searchParams).device === "webgpu";
  element("failure-text", HTMLElement).textContent =
    asSentence(sentence(error)) +
    (byName ? " The address of this page asks for the GPU (device=webgpu)." : "");
  const onCpu = element("failure-cpu", HTMLAnchorElement);
  onCpu.hidden = !byName;
  // The same model and walk.
  url.searchParams.set("device", "cpu");
  onCpu.href = url.href;
  const own = element("failure-own", HTMLAnchorElement);
  own.hidden = !new URL(location.href).searchParams.has("model");
  const ownUrl = new URL(location.href);
  ownUrl.searchParams.delete("model");
  ownUrl.hash = "";
  own.href = ownUrl.href;
}

/** Shows which settings of the link are not valid, in one quiet line. @param {string[]} sentences */
function showComplaints(sentences) {
  element("link-notice", HTMLElement).textContent = sentences.join(" ");
}

/** The turns of an embed; other pages do not load them. @param {() => Promise<void>} release @returns {import("../client/always.js").Turn} */
function takingTurns(release) {
  const turns = loadModule(() => import("../client/turn.js"), "turnsOf").then(({ turnsOf }) =>
    turnsOf(release, showWaiting),
  );
  turns.catch(() => {});
  return { start: async (start) => (await turns).start(start) };
}

/** The page with one model at a time. */
export class ModelView {
  #device;
  #engine;
  #arithmetic;
  /** What is shown. @type {{ source: ModelSource, end: () => void } | null} */
  #shown = null;
  /** What is known of it. @type {Loaded | null} */
  #loaded = null;

  /** About the address, beside what its settings give reason to. @type {string[]} */
  #complaints = [];
  #settings = new AllSettings(properties, null, (more) =>
    showComplaints([...this.#complaints, ...more]),
  );
  #calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** Has a figure's model shown as one that the visitor opens. @type {(source: ModelSource) => void} */
  open = () => {};

  /** @param {import("../protocol/messages.js").DeviceChoice} device @param {boolean} embedded whether other embeds may be beside it */
  constructor(device, embedded) {
    this.#device = device;
    const turn = embedded ? takingTurns(() => this.release()) : ALWAYS;
    /** @param {import("../client/engine.js").Change} change */
    const onChange = ({ notice, loaded }) => {
      showNotice(notice);
      if (loaded !== null) this.#adopt(loaded);
    };
    this.#engine = new Engine(showProgress, onChange, turn);
    this.#arithmetic = new Arithmetic(turn);
    listenForUndo(this.#settings);
  }

  /** Shows the figures that need no model. They stay, whatever model comes. */
  showLasting() {
    const [arithmetic, allSettings, calm] = [this.#arithmetic, this.#settings, this.#calm];
    placeFigures(lastingFigures, { arithmetic, allSettings, calm });
  }

  /**
   * Has everything computed on another device from here on, models that are opened later too.
   * @param {import("../protocol/messages.js").Device} device
   */
  async moveTo(device) {
    this.#adopt(await this.#engine.moveTo(device));
    this.#device = device;
    const url = new URL(location.href);
    // A link is for every machine, so that it names a device only where the address did.
    if (!url.searchParams.has("device")) return;
    url.searchParams.set("device", device);
    history.replaceState(history.state, "", url);
  }

  /** Keeps no worker until a figure asks again. @param {AbortSignal} [signal] aborted: they are kept after all */
  async release(signal) {
    const own = [this.#engine.release(signal), this.#arithmetic.release(signal)];
    await Promise.all([...own, letGo(signal)]);
  }

  /** What is known of the same model on another device. @param {Loaded} loaded */
  #adopt(loaded) {
    if (this.#loaded === null) return;
    const stepTimes = { ...this.#loaded.stepTimes, ...loaded.stepTimes };
    // The figures have this very object.
    Object.assign(this.#loaded, loaded, { stepTimes });
    describeDevice(this.#loaded);
  }

  /** What computes; null before a model is loaded. */
  get device() {
    return this.#loaded?.info.device ?? null;
  }

  /** Whether there is a model to see. */
  get isSet() {
    return this.#shown !== null;
  }

  /**
   * Shows another model. If it cannot be loaded, the previous one is shown again and the error is thrown.
   * @param {ModelSource} source
   * @param {object} [options]
   * @param {string[]} [options.complaints] about the address
   * @param {() => void} [options.arrived] called when it is loaded, before the address is read
   * @returns {Promise<Loaded>}
   */
  async show(source, { complaints = [], arrived } = {}) {
    const before = this.#shown;
    before?.end();
    this.#shown = null;
    const loading = element("loading", HTMLElement);
    loading.hidden = false;
    element("failure", HTMLElement).hidden = true;
    showProgress({ activity: "Starting", loaded: 0, total: 0 });
    /** @type {Loaded} */
    let loaded;
    try {
      loaded = await this.#engine.load({ model: source, device: this.#device });
    } catch (error) {
      if (before === null) fail(error);
      else await this.show(before.source);
      throw error;
    }
    this.#loaded = loaded;
    arrived?.();
    endProgress();
    describeDevice(loaded);
    useWordsFor(loaded.info);
    const { trainTimesteps, classes, nullLabel, channels, imageSize } = loaded.info;
    const anyLabel = nullLabel !== null;
    const limits = { trainTimesteps, classes: classes.length, anyLabel, nullLabel };
    this.#complaints = complaints;
    const allSettings = this.#settings;
    allSettings.suit(limits);
    const endFigures = placeFigures(figures, {
      engine: this.#engine,
      arithmetic: this.#arithmetic,
      loaded,
      shape: [1, channels, ...imageSize],
      allSettings,
      source,
      open: (other) => this.open(other),
      linked: source.kind === "address",
      digits: async () => {
        const { loadDigits } = await loadModule(() => import("../client/digits.js"), "loadDigits");
        return loadDigits();
      },
      history: new History(),
      moveTo: (device) => this.moveTo(device),
      calm: this.#calm,
    });
    const end = () => {
      allSettings.suit(null);
      endFigures();
    };
    this.#shown = { source, end };
    return loaded;
  }
}
