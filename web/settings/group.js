// The settings of one figure: their values, who is told of a change, and how they are read and written as text.

/** @typedef {import("./list.js").Limits} Limits */
/** @typedef {import("./list.js").Properties} Properties */
/**
 * @template T
 * @typedef {import("./list.js").Property<T>} Property
 */
/**
 * @template P
 * @typedef {import("./list.js").Values<P>} Values
 */

/**
 * The values of one figure.
 * @template {Record<string, Property<any>>} P
 */
export class Group {
  #properties;
  #limits;
  #changed;
  #key;
  /** @type {Values<P>} */
  #values;
  /** @type {Set<(values: Values<P>) => void>} */
  #listeners = new Set();
  /** What is left to the page, because neither the address nor the visitor has set it. @type {Set<keyof P>} */
  #left = new Set();
  /** What the page chooses of what may be left to it. @type {Map<keyof P, unknown>} */
  #choices = new Map();

  /**
   * @param {P} properties
   * @param {Limits} limits
   * @param {() => void} changed
   * @param {(name: string) => string} [key] what the address calls a property
   */
  constructor(properties, limits, changed, key = (name) => name) {
    this.#properties = properties;
    this.#limits = limits;
    this.#changed = changed;
    this.#key = key;
    this.#values = this.#initial();
  }

  /** All values now. @returns {Readonly<Values<P>>} */
  get values() {
    return this.#values;
  }

  /** What the visitor has chosen; it goes into the address. @param {Partial<Values<P>>} values */
  set(values) {
    this.assume(values);
    for (const name of Object.keys(values)) this.#left.delete(name);
    this.#changed();
  }

  /** What the page has chosen; it goes into a link that is copied. @param {Partial<Values<P>>} values */
  assume(values) {
    this.#values = { ...this.#values, ...values };
  }

  /**
   * A value that may be left to the page: the visitor's or the address's, else the page's choice. Read it again for
   * each walk, because what suits a walk changes with the device that computes.
   * @template {keyof P} N
   * @param {N} name
   * @param {() => NonNullable<Values<P>[N]>} choose
   * @returns {NonNullable<Values<P>[N]>}
   */
  decide(name, choose) {
    const given = this.#values[name];
    const value = choose();
    this.#choices.set(name, value);
    if (given !== null && given !== undefined && !this.#left.has(name)) return given;
    this.#values = { ...this.#values, [name]: value };
    this.#left.add(name);
    return value;
  }

  /**
   * @param {(values: Values<P>) => void} listener called when the address was edited or a link followed
   * @returns {() => void} ends it
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes all values from texts; what is missing takes its default.
   * @param {(name: string) => string | null} text
   * @param {(name: string, text: string, taken: string) => void} complain about a text that is no possible value
   */
  read(text, complain) {
    const values = this.#initial();
    for (const [name, property] of Object.entries(this.#properties)) {
      const given = text(name);
      if (given === null) continue;
      const reading = property.read(given, this.#limits);
      if (reading !== undefined) /** @type {any} */ (values)[name] = reading.value;
      if (reading?.exact !== true) {
        complain(name, given, property.write(/** @type {any} */ (values)[name]));
      }
    }
    this.#values = values;
    this.#left.clear();
  }

  /** Sets every value to its default. */
  reset() {
    this.#values = this.#initial();
    this.#left.clear();
    this.#changed();
    this.notify();
  }

  /** Calls the figure after its values have come from outside. */
  notify() {
    for (const listener of this.#listeners) listener(this.#values);
  }

  /** @returns {[string, string][]} what differs from the defaults */
  write() {
    const initial = this.#initial();
    return Object.entries(this.#properties)
      .map(([name, { write }]) => {
        const values = /** @type {Record<string, any>} */ (this.#values);
        const defaults = /** @type {Record<string, any>} */ (initial);
        return /** @type {[string, string, string]} */ ([
          name,
          write(values[name]),
          write(defaults[name]),
        ]);
      })
      .filter(([, now, initially]) => now !== initially)
      .map(([name, now]) => [name, now]);
  }

  /** What the address calls its properties. */
  get keys() {
    return Object.keys(this.#properties).map(this.#key);
  }

  /** What the address calls a property. @param {string} name */
  key(name) {
    return this.#key(name);
  }

  /** What is set to something else than the page would choose, as the address calls it. @returns {string[]} */
  get chosen() {
    return this.write()
      .filter(([name]) => this.#values[name] !== this.#choices.get(name))
      .map(([name]) => this.#key(name));
  }

  /** @returns {Values<P>} */
  #initial() {
    const entries = Object.entries(this.#properties);
    return /** @type {Values<P>} */ (
      Object.fromEntries(entries.map(([name, { initial }]) => [name, initial(this.#limits)]))
    );
  }
}
