// How a figure is written.
//
// A figure is a module in web/figures/ that exports `create`, of the type Create below:
//
//     /** @type {import("./shared/figure.js").Create} */
//     export function create(root, { engine, loaded, allSettings, fail }) {
//       const settings = allSettings.group("many");           // its values in the address, from settings/list.js
//       const tile = createTile({ caption: "x_t", empty: "Not ready yet" }); // from web/parts/
//       const t = createSlider({ label: "Time t", ..., onChange: (t) => { settings.set({ t }); compute.ask(t); } });
//       const compute = latest(async (signal, t) => {           // ten quick changes compute only the last
//         const { x0 } = await engine.denoise({ xt, count: 1, timestep: t }, signal);
//         tile.show(x0, shape, `The guess at t = ${t}`);        // shown, and said
//       }, fail);
//       root.append(tile.element, t.element, createMore(seed.element)); // two controls in sight, the rest behind "More"
//       compute.ask(settings.values.t);
//       return { rest: compute.rest };
//     }
//
// A figure that needs no model has a line in the list of those, and less of the context: it is there before a model, and
// stays when another comes.
//
// `root` is the figure's empty place, the element with data-figure="name" in index.html; the section
// around it is hidden until list.js has a line for the name. The figure is created when its place
// nears the window and told to rest while it is out of sight or the tab is hidden: then it computes
// nothing. It starts awake. Whatever it throws, or passes to `fail`, is shown in its place with a button
// that creates it again; the rest of the page continues. After `dispose`, nothing of it may run.
//
// A worker that breaks down or loses its GPU is replaced behind the figure's back (relay.js): what it asked is
// asked again, its chains go on where they were, and `loaded` says what computes now. Only the call that broke
// the worker fails.
//
// A figure's own styles go into web/figures/<name>.css, named in its line of list.js. Its frame, with reset, the link,
// the embed and full screen, is frame.js: a figure has it by being in a place.

import { loadModule, ModuleError } from "../../basics/load-module.js";
import { asSentence, sentence } from "../../basics/sentence.js";
import { h } from "../../screen/dom.js";
import { createTools } from "./frame.js";
import { openMoreIfSet } from "./more.js";

/**
 * @typedef {object} Basics what every figure works with, and all that one has which needs no model
 * @property {import("../../client/arithmetic.js").Arithmetic} arithmetic what needs no network, at once
 * @property {import("../../settings/kept-in-address.js").AllSettings} allSettings what the address keeps
 * @property {boolean} calm whether the visitor wants nothing to move by itself
 */

/**
 * @typedef {object} OfTheModel what a figure has of the model
 * @property {import("../../client/engine.js").Engine} engine the network, computing in turn
 * @property {import("../../protocol/messages.js").Loaded} loaded the model: info, and the schedule it was trained with
 * @property {number[]} shape of one image: [1, channels, h, w]
 * @property {import("../../protocol/calls.js").Calls["load"]["params"]["model"]} source where the model comes from
 * @property {(model: import("../../protocol/messages.js").OpenedFiles) => void} open shows another model in all figures
 * @property {boolean} linked whether a link leads to this model; else it came from the visitor's files
 * @property {() => Promise<import("../../client/digits.js").Digits>} digits the page's real digits
 * @property {import("./history.js").History} history what the figures have to give away
 * @property {(device: import("../../protocol/messages.js").Device) => Promise<void>} moveTo has everything computed on another device from here on; rejected where that cannot be, and then all stays as it was
 */

/** @typedef {Basics & OfTheModel} Laboratory */

/**
 * @template L
 * @typedef {L & { fail: (error: unknown) => void }} ContextOf
 */
/** @typedef {ContextOf<Laboratory>} Context */
/** @typedef {ContextOf<Basics>} LastingContext of a figure that needs no model */

/**
 * @typedef {object} Figure
 * @property {(resting: boolean) => void} rest true: nobody looks, compute nothing
 * @property {() => void} [dispose] end everything: listeners, chains
 */

/** @typedef {(root: HTMLElement, context: Context) => Figure | Promise<Figure>} Create */

/**
 * @template C
 * @typedef {object} EntryFor a line of list.js
 * @property {() => Promise<{ create: (root: HTMLElement, context: C) => Figure | Promise<Figure> }>} module
 * @property {URL} [css]
 * @property {readonly import("./frame.js").GroupName[]} settings what the address keeps of the figure; [] if nothing
 * @property {boolean} [copies] whether the figure itself has a button that copies a link
 * @property {boolean} [embeds] false where it shows what other figures have made, and alone would show nothing
 */
/** @typedef {EntryFor<Context>} Entry */
/** @typedef {EntryFor<LastingContext>} LastingEntry of a figure that needs no model: it is there before one, and stays when another comes */

/** A figure is created this far from the window, and rests beyond a little. */
const CREATE_MARGIN = "100% 0px";
const REST_MARGIN = "5% 0px";

/**
 * One place in the page, and what lives there.
 * @template {Basics} L
 */
class Place {
  #root;
  #entry;
  #lab;
  /** The place before there was a figure. */
  #pristine;
  /** @type {Figure | null} */
  #figure = null;
  #ended = new AbortController();
  /** What can be done with the figure as a whole. */
  #tools;
  /** Counts creations, so that what an abandoned one says is not heard. */
  #life = 0;
  #inSight = false;

  /** @param {HTMLElement} root @param {EntryFor<ContextOf<L>>} entry @param {L} lab */
  constructor(root, entry, lab) {
    this.#root = root;
    this.#entry = entry;
    this.#lab = lab;
    this.#pristine = root.cloneNode(true);
    const name = root.dataset["figure"] ?? "";
    const { settings, copies = false, embeds = true } = entry;
    const { allSettings } = lab;
    this.#tools = createTools(root, { name, settings, copies, embeds, allSettings });
    root.after(this.#tools);
    const near = new IntersectionObserver(
      (changes) => {
        // Where the page was busy several changes come at once, the newest last.
        if (changes.at(-1)?.isIntersecting !== true) return;
        near.disconnect();
        this.#create();
      },
      { rootMargin: CREATE_MARGIN },
    );
    near.observe(root);
    const sight = new IntersectionObserver(
      (changes) => {
        this.#inSight = changes.at(-1)?.isIntersecting ?? false;
        this.#rest();
      },
      { rootMargin: REST_MARGIN },
    );
    sight.observe(root);
    const { signal } = this.#ended;
    for (const group of settings) {
      const unlisten = lab.allSettings.group(group).listen(() => this.#openMore());
      signal.addEventListener("abort", unlisten);
    }
    document.addEventListener("visibilitychange", () => this.#rest(), { signal });
    signal.addEventListener("abort", () => {
      near.disconnect();
      sight.disconnect();
    });
  }

  /** Ends the figure and leaves the place as it was found. */
  end() {
    this.#ended.abort();
    this.#life += 1;
    this.#figure?.rest(true);
    this.#figure?.dispose?.();
    this.#figure = null;
    this.#tools.remove();
    // What a figure still adds that was being created goes into the old place, which nobody sees.
    this.#root.replaceWith(this.#pristine);
  }

  async #create() {
    const life = ++this.#life;
    /** @param {unknown} error */
    const fail = (error) => {
      if (life === this.#life) this.#fail(error);
    };
    try {
      const { css, module } = this.#entry;
      const [{ create }] = await Promise.all([
        loadModule(module, "create"),
        css && loadStyles(css),
      ]);
      const figure = await create(this.#root, { ...this.#lab, fail });
      if (life !== this.#life) {
        figure.dispose?.();
        return;
      }
      this.#figure = figure;
      this.#openMore();
      this.#root.dataset["ready"] = "";
      this.#rest();
    } catch (error) {
      fail(error);
    }
  }

  #openMore() {
    openMoreIfSet(this.#root, this.#lab.allSettings, this.#entry.settings);
  }

  #rest() {
    this.#figure?.rest(!this.#inSight || document.hidden);
  }

  /** Says what went wrong in the figure's own place. @param {unknown} error */
  #fail(error) {
    console.warn(error);
    this.#life += 1;
    this.#figure?.rest(true);
    this.#figure?.dispose?.();
    this.#figure = null;
    const reload = error instanceof ModuleError && error.reload;
    const again = h("button", { type: "button" }, reload ? "Reload the page" : "Try again");
    const notice = h(
      "div",
      { class: "figure-failure" },
      h("p", { role: "alert" }, asSentence(sentence(error))),
      again,
    );
    again.addEventListener("click", () => {
      if (reload) {
        this.#lab.allSettings.write();
        location.reload();
        return;
      }
      delete this.#root.dataset["ready"];
      this.#root.replaceChildren(...this.#pristine.cloneNode(true).childNodes);
      this.#create();
    });
    this.#root.querySelector(":scope > .figure-failure")?.remove();
    this.#root.prepend(notice);
  }
}

/** What is loading or applies. @type {Map<string, Promise<void>>} */
const styles = new Map();

/**
 * @param {URL} url
 * @returns {Promise<void>} when the style sheet applies; a missing one is asked for again when the figure is
 * @throws {Error} where it could not be loaded: a figure without its styles may be wider than the window
 */
async function loadStyles({ href }) {
  const loading = styles.get(href);
  if (loading !== undefined) return loading;
  const sheet = h("link", { rel: "stylesheet", href });
  /** @type {Promise<void>} */
  const applies = new Promise((resolve, reject) => {
    sheet.addEventListener("load", () => resolve());
    sheet.addEventListener("error", () => {
      styles.delete(href);
      sheet.remove();
      reject(
        new Error(
          "The style sheet of this figure could not be loaded. Check the connection and try again.",
        ),
      );
    });
  });
  styles.set(href, applies);
  document.head.append(sheet);
  return applies;
}

/**
 * Shows the sections whose figures exist.
 * @param {Record<string, unknown>} entries
 */
export function revealSections(entries) {
  for (const root of document.querySelectorAll("[data-figure]")) {
    const name = root.getAttribute("data-figure") ?? "";
    const section = root.closest("section");
    if (section !== null) section.hidden = entries[name] === undefined;
  }
}

/**
 * Gives every figure that is listed its place.
 * @template {Basics} L
 * @param {Record<string, EntryFor<ContextOf<L>>>} entries
 * @param {L} lab
 * @returns {() => void} ends them all, for another model
 */
export function placeFigures(entries, lab) {
  /** @type {Place<L>[]} */
  const places = [];
  for (const root of document.querySelectorAll("[data-figure]")) {
    const entry = entries[root.getAttribute("data-figure") ?? ""];
    if (entry !== undefined && root instanceof HTMLElement) {
      places.push(new Place(root, entry, lab));
    }
  }
  return () => {
    for (const place of places) place.end();
  };
}
