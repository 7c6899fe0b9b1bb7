// What is shown: one model at a time, with all figures made for it, or why there is none.

import { Arithmetic } from "../client/arithmetic.js";
import { loadDigits } from "../client/digits.js";
import { Engine } from "../client/engine.js";
import { asSentence, sentence } from "../basics/sentence.js";
import { placeFigures } from "../figures/shared/figure.js";
import { History } from "../figures/shared/history.js";
import { figures } from "../figures/list.js";
import { element } from "../screen/dom.js";
import { properties, readWish } from "../settings/properties.js";
import { State } from "../settings/state.js";
import { showNotice } from "./notices.js";

/** @typedef {import("../protocol/messages.js").Loaded} Loaded */
/** @typedef {import("../models/source.js").ModelSource} ModelSource */

/** @param {import("../protocol/messages.js").Progress} progress */
export function showProgress({ activity, loaded, total }) {
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
export function fail(error) {
  element("loading", HTMLElement).hidden = true;
  element("failure", HTMLElement).hidden = false;
  element("failure-text", HTMLElement).textContent = asSentence(sentence(error));
  const url = new URL(location.href);
  const onCpu = element("failure-cpu", HTMLAnchorElement);
  onCpu.hidden = readWish(url.searchParams).device !== "webgpu";
  // The same model and walk.
  url.searchParams.set("device", "cpu");
  onCpu.href = url.href;
}

/** What the link asked for in vain, in one quiet line. @param {string[]} sentences */
function showComplaints(sentences) {
  element("link-notice", HTMLElement).textContent = sentences.join(" ");
}

/** The page with one model at a time. */
export class ModelView {
  #device;
  #engine = new Engine(showProgress, (change) => {
    showNotice(change.notice);
    if (change.loaded === null || this.#loaded === null) return;
    // The figures have this very object.
    Object.assign(this.#loaded, change.loaded);
    describeDevice(this.#loaded);
  });
  #arithmetic = new Arithmetic();
  /** What is shown. @type {{ source: ModelSource, end: () => void } | null} */
  #shown = null;
  /** What is known of it. @type {Loaded | null} */
  #loaded = null;

  /** @param {import("../protocol/messages.js").DeviceChoice} device */
  constructor(device) {
    this.#device = device;
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
