// Numbers as people write them.

/** @param {number} value a power of ten */
export function powerOfTen(value) {
  const exponent = Math.round(Math.log10(value));
  if (exponent > -2) return String(value);
  return `10⁻${[...String(-exponent)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")}`;
}

/** With three significant digits; of what is below 0.001, two. @param {number} value not negative */
export function significant(value) {
  if (value >= 100) return value.toFixed(0);
  if (value >= 0.001 || !(value > 0)) return value.toPrecision(3);
  const [mantissa, exponent] = value.toExponential(1).split("e");
  return `${mantissa} · ${powerOfTen(10 ** Number(exponent))}`;
}

/** A time in words. @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}
