// The settings of all figures, kept in the address behind the #, so that a link shows the same again.

import { Group } from "./group.js";
import { LASTING } from "./list.js";
import { beginReading, hashOf, isOfThisReading, placeIn, settingsIn } from "./place.js";

/** @typedef {import("./list.js").GroupName} GroupName */
/** @typedef {import("./list.js").Limits} Limits */
/** @typedef {import("./list.js").Properties} Properties */
/**
 * @template T
 * @typedef {import("./list.js").Property<T>} Property
 */

export { Group };

/** Browsers allow about a hundred changes of the address in half a minute. */
const WRITE_EVERY = 400;

/** @param {string} name @param {string} text @param {string} taken */
const refusal = (name, text, taken) =>
  `${name} = ${text} in this link is not valid; using ${taken}.`;

/** What a model without classes allows; the settings that last longer than a model need none of it. @type {Limits} */
const NO_MODEL = { trainTimesteps: 1, classes: 0, anyLabel: false };

/** @param {string} group @param {string} name */
const keyOf = (group, name) => (group === "walk" ? name : `${group}.${name}`);

/** Changes of one setting that follow each other sooner than this, in milliseconds, are undone together: a slider's. */
const ONE_CHANGE = 1000;

/** How many changes can be undone. */
const MOST_UNDONE = 50;

/**
 * @typedef {object} Change what the visitor changed at once
 * @property {string[]} keys of the settings, as the address calls them
 * @property {string} before all settings before it
 */

export class AllSettings {
  #properties;
  /** What the model allows; null while there is none, and then only the lasting settings are read and written. */
  #limits;
  /** @type {Map<string, Group<any>>} */
  #groups = new Map();
  /** What the address says of settings that are not read yet; it stays as it is. */
  #unread = "";
  #complain;
  /** The settings in the address that are not valid, as sentences. @type {string[]} */
  #complaints = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The settings in the hash that was read or written last. */
  #known = "";
  /** The visitor's changes, the newest last. @type {Change[]} */
  #past = [];
  /** Who is called when there is something else to undo, with the settings that matter there. @type {Map<() => void, readonly GroupName[]>} */
  #watchers = new Map();
  /** Whether what is set is a change of the visitor's. */
  #isNoting = true;
  /** The settings after the last change, and when that was. */
  #present = { settings: "", keys: "", at: -Infinity };
  #ended = new AbortController();

  /**
   * @param {Properties} properties
   * @param {Limits | null} limits null: there is no model yet
   * @param {(sentences: string[]) => void} complain about settings in the address that are not valid; [] if there are none
   */
  constructor(properties, limits, complain) {
    this.#properties = properties;
    this.#limits = limits;
    this.#complain = complain;
    this.#makeGroups();
    this.#read();
    const followed = () => {
      const settings = settingsIn(location.hash);
      if (settings === this.#known) return;
      // A link to a place alone leaves the settings as they are, and so does Back to a place.
      if (isOfThisReading() || (settings === "" && placeIn(location.hash) !== null)) {
        this.write();
        return;
      }
      beginReading();
      this.#read();
      for (const group of this.#groups.values()) group.notify();
    };
    addEventListener("hashchange", followed, { signal: this.#ended.signal });
  }

  /** The groups that are read; those that last stay the same objects. */
  #makeGroups() {
    const before = this.#groups;
    this.#groups = new Map();
    for (const [name, list] of Object.entries(this.#properties)) {
      const lasts = LASTING.some((one) => one === name);
      if (!lasts && this.#limits === null) continue;
      const kept = lasts ? before.get(name) : undefined;
      const made = () =>
        new Group(
          /** @type {Record<string, Property<any>>} */ (list),
          this.#limits ?? NO_MODEL,
          () => this.#soon(),
          (property) => keyOf(name, property),
        );
      this.#groups.set(name, kept ?? made());
    }
  }

  /**
   * Another model, or none while one is loaded. The settings of its figures are read from the address; those that last
   * stay as they are set.
   * @param {Limits | null} limits
   */
  suit(limits) {
    const now = limits === null ? this.#hash() : settingsIn(location.hash);
    this.#limits = limits;
    this.#makeGroups();
    for (const [watcher, names] of this.#watchers) {
      if (!names.every((name) => LASTING.some((one) => one === name))) {
        this.#watchers.delete(watcher);
      }
    }
    const kept = LASTING.map((name) => this.group(name));
    const values = kept.map((group) => group.values);
    this.#read(now);
    const read = kept.map((group) => String(group.write()));
    kept.forEach((group, i) => group.assume(values[i] ?? {}));
    this.#present = { settings: this.#undoable(), keys: "", at: -Infinity };
    // The address of another model begins empty.
    if (kept.some((group, i) => String(group.write()) !== read[i])) this.#writeSoon();
  }

  /** Stops reading and writing the address. */
  end() {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  /**
   * The values of one figure.
   * @template {GroupName} N
   * @param {N} name
   * @returns {Group<Properties[N]>}
   */
  group(name) {
    const found = this.#groups.get(name);
    if (found === undefined) throw new Error(`settings/list.js has no settings "${name}"`);
    return found;
  }

  /**
   * Reports a setting of the address that is not valid, where only a figure can know.
   * @param {string} name as in the address
   * @param {string} text what it asks for
   * @param {string} taken what it is instead
   */
  refuse(name, text, taken) {
    this.#complaints = [...this.#complaints, refusal(name, text, taken)];
    this.#complain(this.#complaints);
  }

  /** The page's address with all that differs from the defaults. */
  get link() {
    return this.linkTo(null);
  }

  /** The same, to a place of the page. @param {string | null} place the id of an element; null: the top */
  linkTo(place) {
    const url = new URL(location.href);
    url.searchParams.delete("embed");
    url.hash = hashOf(place, this.#hash());
    return url.href;
  }

  /** The address of one figure alone. @param {string} figure @param {readonly GroupName[]} names of its settings */
  embedOf(figure, names) {
    const url = new URL(location.href);
    url.searchParams.set("embed", figure);
    url.hash = this.#hash(names);
    return url.href;
  }

  /** Sets a figure back to what it is without an address, as one change. @param {readonly GroupName[]} names of its settings */
  reset(names) {
    this.#unnoted(() => {
      for (const name of names) this.group(name).reset();
    });
    this.#note();
  }

  /** Writes the settings into the address at once. @param {string | null} place without it, the place stays */
  write(place = placeIn(location.hash)) {
    const url = new URL(location.href);
    url.hash = hashOf(place, this.#hash());
    history.replaceState(history.state, "", url);
    this.#known = settingsIn(location.hash);
  }

  /** @param {readonly string[]} [names] of some groups; all without it */
  #hash(names) {
    const own = [...this.#groups]
      .filter(([group]) => names?.includes(group) ?? true)
      .flatMap(([group, values]) =>
        values.write().map(([name, text]) => `${keyOf(group, name)}=${encodeURIComponent(text)}`),
      );
    return (names === undefined && this.#unread !== "" ? [this.#unread, ...own] : own).join("&");
  }

  /**
   * Whether there is a change to take back.
   * @param {readonly GroupName[]} [names] of some settings only
   */
  canUndo(names) {
    return this.#lastOf(names) !== undefined;
  }

  /**
   * Until a figure with these settings gives way to that of another model.
   * @param {readonly GroupName[]} names
   * @param {() => void} watcher called when there is something else to undo
   */
  watchUndo(names, watcher) {
    this.#watchers.set(watcher, names);
  }

  /**
   * Takes the visitor's last change back.
   * @param {readonly GroupName[]} [names] the last one of some settings; what was changed elsewhere since stays
   * @returns {boolean} whether there was any
   */
  undo(names) {
    const change = this.#lastOf(names);
    if (change === undefined) return false;
    this.#past.splice(this.#past.indexOf(change), 1);
    const old = new URLSearchParams(change.before);
    const wanted = new URLSearchParams(this.#undoable());
    for (const key of change.keys) {
      const value = old.get(key);
      if (value === null) wanted.delete(key);
      else wanted.set(key, value);
    }
    // A walk that stood still stands still again, at the start of the walk as it was.
    if ((this.#groups.get("walk")?.values.at ?? null) !== null) wanted.set("at", "0");
    this.#unnoted(() => {
      for (const group of this.#groups.values()) {
        if (!group.keys.some((key) => change.keys.includes(key))) continue;
        group.read(
          (name) => wanted.get(group.key(name)),
          () => {},
        );
        group.notify();
      }
    });
    this.#present = { settings: this.#undoable(), keys: "", at: -Infinity };
    this.write();
    for (const watcher of this.#watchers.keys()) watcher();
    return true;
  }

  /** The last change, of some settings or of any. @param {readonly GroupName[]} [names] */
  #lastOf(names) {
    if (names === undefined) return this.#past.at(-1);
    const own = names.flatMap((name) => this.#groups.get(name)?.keys ?? []);
    return this.#past.filter(({ keys }) => keys.some((key) => own.includes(key))).at(-1);
  }

  /** Does something whose parts are no changes of the visitor's. @param {() => void} change */
  #unnoted(change) {
    this.#isNoting = false;
    try {
      change();
    } finally {
      this.#isNoting = true;
    }
  }

  /** Notes what there is to undo. */
  #note() {
    if (!this.#isNoting) return;
    const settings = this.#undoable();
    const { settings: before, keys: last, at } = this.#present;
    if (settings === before) return;
    const [old, now] = [new URLSearchParams(before), new URLSearchParams(settings)];
    const keys = [...new Set([...old.keys(), ...now.keys()])].filter(
      (key) => old.get(key) !== now.get(key),
    );
    const time = performance.now();
    const isAnother = keys.join() !== last || time - at > ONE_CHANGE;
    if (isAnother) this.#past.push({ keys, before });
    if (this.#past.length > MOST_UNDONE) this.#past.shift();
    this.#present = { settings, keys: keys.join(), at: time };
    if (isAnother) for (const watcher of this.#watchers.keys()) watcher();
  }

  /** All settings but those that the page has chosen, and where the walk stands, which changes as it walks. */
  #undoable() {
    const chosen = new Set([...this.#groups.values()].flatMap((group) => group.chosen));
    return this.#hash()
      .split("&")
      .filter((part) => chosen.has(part.split("=")[0] ?? "") && !part.startsWith("at="))
      .join("&");
  }

  #soon() {
    this.#note();
    this.#writeSoon();
  }

  #writeSoon() {
    if (this.#timer !== undefined || this.#ended.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Another hash has just been given, and is about to be read.
      if (settingsIn(location.hash) === this.#known) this.write();
    }, WRITE_EVERY);
  }

  /** @param {string} [settings] without it what the address says */
  #read(settings = settingsIn(location.hash)) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#known = settingsIn(location.hash);
    const keys = [...this.#groups].flatMap(([group, values]) =>
      Object.keys(values.values).map((name) => keyOf(group, name)),
    );
    this.#unread =
      this.#limits === null
        ? settings
            .split("&")
            .filter((part) => part !== "" && !keys.includes(part.split("=")[0] ?? ""))
            .join("&")
        : "";
    this.#take(settings);
    this.#past = [];
    this.#present = { settings: this.#undoable(), keys: "", at: -Infinity };
    for (const watcher of this.#watchers.keys()) watcher();
  }

  /** Takes all settings from a text. @param {string} settings as in the address */
  #take(settings) {
    const given = new URLSearchParams(settings);
    this.#complaints = [];
    const known = new Set();
    for (const [group, values] of this.#groups) {
      values.read(
        (name) => {
          known.add(keyOf(group, name));
          return given.get(keyOf(group, name));
        },
        (name, text, taken) => {
          const value = taken === "" ? "the page's own choice" : taken;
          this.#complaints.push(refusal(keyOf(group, name), text, value));
        },
      );
    }
    for (const key of given.keys()) {
      if (known.has(key) || this.#limits === null) continue;
      this.#complaints.push(
        `This link sets "${key}", which this page does not have; it is ignored.`,
      );
    }
    this.#complain(this.#complaints);
  }
}
