// The page: starts the worker, loads the model, hands both to the figures, and says what goes wrong.
//
// Where what lies:
//
//   index.html     all text, and an empty place for each figure
//   figure.js      how a figure is written, created, put to rest; figures.js lists them
//   figures/       one module for each figure; figures/<name>/ where it has grown
//   parts/         what figures are made of: tiles, sliders, plots, a scrubber ...
//   settings.js    all that the address can say, as one typed list; state.js reads and writes it
//   walk.js        a walk as a recording: plays, pauses, remembers; knows no DOM
//   engine.js      what needs the network, and arithmetic.js what does not, each a worker of its own, so
//                  that a slider is answered while the network computes
//   relay.js       replaces a worker that breaks down, and asks the next one again; link.js is one worker's life
//   protocol.js    what page and workers say to each other, typed
//   worker.js      the other side: worker/ has its methods, startup.js finds a device that computes
//                  correctly, wasm.js types the crate's two builds in pkg/
//   models/        which model: the page's own, one behind an address, one that is dropped
//   styles/        colours and type, the frame, controls, pictures ...; a figure's own are beside it
//
// Nothing is computed on this thread, and nothing at all for a figure that is out of sight. A figure that
// fails says so in its own place; the rest goes on.

import { keepInPlace } from "./anchoring.js";
import { Arithmetic } from "./arithmetic.js";
import { listContents } from "./contents.js";
import { loadDigits } from "./digits.js";
import { element } from "./dom.js";
import { Engine } from "./engine.js";
import { placeFigures, revealSections } from "./figure.js";
import { figures } from "./figures.js";
import { setUpHelp } from "./help.js";
import { History } from "./history.js";
import { setUpModels } from "./models/choose.js";
import { setUpNotices, showNotice } from "./notices.js";
import { asSentence, sentence } from "./sentence.js";
import { properties, readWish } from "./settings.js";
import { linkSources } from "./source.js";
import { State } from "./state.js";

/** @typedef {import("./protocol.js").Loaded} Loaded */
/** @typedef {import("./models/source.js").ModelSource} ModelSource */

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

/** What computes here, in the details at the end of the page. @param {Loaded} loaded */
function describeDevice({ info, check }) {
  element("detail-device", HTMLElement).textContent =
    info.device === "webgpu"
      ? `WebGPU${info.adapter === "" ? "" : ` on ${info.adapter}`}`
      : "the CPU, in WebAssembly, in one thread";
  const [height, width] = info.imageSize;
  const millions = (info.parameters / 1e6).toFixed(2);
  element("detail-model", HTMLElement).textContent =
    `${millions} million parameters, ${height} × ${width} pixels, T = ${info.trainTimesteps}`;
  const reference = { golden: "the exporter's", cpu: "the CPU's", none: "" }[check.against];
  element("detail-check", HTMLElement).textContent =
    check.against === "none"
      ? "finite numbers; this folder has no known answer to compare with"
      : `eps-hat is within ${check.difference.toExponential(1)} of ${reference} for the same input`;
}

/** Says what went wrong in place of the image. @param {unknown} error */
function fail(error) {
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
}

/** What the link asked for in vain, in one quiet line. @param {string[]} sentences */
function showComplaints(sentences) {
  element("link-notice", HTMLElement).textContent = sentences.join(" ");
}

/** The page with one model at a time. */
export class Stage {
  #device;
  #engine = new Engine(showProgress, (change) => {
    showNotice(change.notice);
    if (change.loaded !== null) this.#adopt(change.loaded);
  });
  #arithmetic = new Arithmetic();
  /** What is shown. @type {{ source: ModelSource, end: () => void } | null} */
  #shown = null;
  /** What is known of it. @type {Loaded | null} */
  #loaded = null;

  /** @param {import("./protocol.js").DeviceChoice} device */
  constructor(device) {
    this.#device = device;
  }

  /**
   * Has everything computed on another device from here on, models that are opened later too.
   * @param {import("./protocol.js").Device} device
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

  /** What is known of the same model on another device. @param {Loaded} loaded */
  #adopt(loaded) {
    if (this.#loaded === null) return;
    const stepTimes = { ...this.#loaded.stepTimes, ...loaded.stepTimes };
    // The figures have this very object.
    Object.assign(this.#loaded, loaded, { stepTimes });
    describeDevice(this.#loaded);
  }

  /** Whether there is a model to see. */
  get isSet() {
    return this.#shown !== null;
  }

  /**
   * Shows another model. Where it cannot be loaded, the one before comes back; the error is thrown.
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
    loading.hidden = true;
    describeDevice(loaded);
    const { trainTimesteps, classes, nullLabel, channels, imageSize } = loaded.info;
    const limits = { trainTimesteps, classes: classes.length, anyLabel: nullLabel !== null };
    const state = new State(properties, limits, (more) => showComplaints([...complaints, ...more]));
    const endFigures = placeFigures(figures, {
      engine: this.#engine,
      arithmetic: this.#arithmetic,
      loaded,
      shape: [1, channels, ...imageSize],
      state,
      linked: source.kind === "address",
      digits: loadDigits,
      history: new History(),
      moveTo: (device) => this.moveTo(device),
      calm: matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    const end = () => {
      state.end();
      endFigures();
    };
    this.#shown = { source, end };
    return loaded;
  }
}

async function begin() {
  if (typeof WebAssembly !== "object") {
    throw new Error("This browser has no WebAssembly, and the network cannot run without it.");
  }
  const wish = readWish(new URLSearchParams(location.search));
  element("walk-back", HTMLElement).dataset["started"] = "";
  showProgress({ activity: "Starting", loaded: 0, total: 0 });
  // The first figure's code comes while the model does.
  figures["walk-back"]?.module().catch(() => {});
  await setUpModels(new Stage(wish.device), wish.model);
}

linkSources();
revealSections(figures);
listContents();
keepInPlace();
setUpHelp();
setUpNotices();
begin().catch(fail);
