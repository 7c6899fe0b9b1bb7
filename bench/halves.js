// Half precision, which JavaScript has no array for yet.

/** @param {ArrayBuffer} buffer float16 values, little-endian @returns {Float32Array} */
export function halves(buffer) {
  return Float32Array.from(new Uint16Array(buffer), (bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
