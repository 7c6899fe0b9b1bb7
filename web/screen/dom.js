// Finds the elements of index.html, and makes new ones.

/**
 * The element with an id, as the class it must have.
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} kind
 * @returns {E}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} "${id}"`);
  return found;
}

/**
 * The one element below `root` that a selector names.
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} kind
 * @returns {E}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} "${selector}"`);
  return found;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] true: there without a value; false, null, undefined: not there
 * @param {(Node | string | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let lastId = 0;

/** @param {string} stem @returns {string} an id that nothing else has */
export function freshId(stem) {
  return `${stem}-${++lastId}`;
}

/** Sets a text only where it changes, so that nothing is announced twice. @param {Element} where @param {string} text */
export function setText(where, text) {
  if (where.textContent !== text) where.textContent = text;
}
