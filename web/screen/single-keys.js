// Whether single-character shortcuts are on: users of speech input may turn them off (WCAG 2.1.4).

let on = true;

export const singleKeys = () => on;

/** @param {boolean} value */
export const setSingleKeys = (value) => {
  on = value;
};
