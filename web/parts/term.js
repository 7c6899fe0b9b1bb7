// The field's symbols, as MathML.

const MATH = "http://www.w3.org/1998/Math/MathML";
const BAR = "‾";

/** @param {string} tag @param {...(Node | string)} children */
function m(tag, ...children) {
  const made = document.createElementNS(MATH, tag);
  made.append(...children);
  return made;
}

/** @param {Node} base @param {string} mark */
function over(base, mark) {
  const sign = m("mo", mark);
  // A bar that may stretch is one that WebKit does not draw.
  if (mark === BAR) sign.setAttribute("stretchy", "false");
  const made = m("mover", base, sign);
  made.setAttribute("accent", "true");
  return made;
}

/** @param {string} text */
const mi = (text) => m("mi", text);
/** @param {Node} base @param {Node} index */
const sub = (base, index) => m("msub", base, index);

const symbols = {
  t: () => mi("t"),
  x_t: () => sub(mi("x"), mi("t")),
  x_T: () => sub(mi("x"), mi("T")),
  x_0: () => sub(mi("x"), m("mn", "0")),
  "x_0-hat": () => sub(over(mi("x"), "^"), m("mn", "0")),
  eps: () => mi("ε"),
  "eps-hat": () => over(mi("ε"), "^"),
  beta_t: () => sub(mi("β"), mi("t")),
  "alpha-bar_t": () => sub(over(mi("α"), BAR), mi("t")),
};

/** @typedef {keyof typeof symbols} TermName */

/** @param {TermName} name @returns {Element} <math> with the symbol */
export function term(name) {
  return m("math", symbols[name]());
}
