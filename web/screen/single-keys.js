// Whether keys of a single character do anything: who speaks to the page may not want them to (WCAG 2.1.4).

let on = true;

export const singleKeys = () => on;

/** @param {boolean} value */
export const setSingleKeys = (value) => {
  on = value;
};
