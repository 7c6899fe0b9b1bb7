// As much of ONNX's file format as a network needs: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

/** @typedef {number | string | readonly number[]} Attribute a float has a name in FLOATS */

const OPSET = 17n;
const IR_VERSION = 8n;
/** Attributes that are a float even where their value is whole. */
const FLOATS = new Set(["epsilon"]);
const [FLOAT, INT64] = [1, 7];

/** @param {bigint} value @returns {Buffer} */
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

/** A field of a message: a number, or bytes with their length. @param {number} field @param {bigint | Buffer | string} value */
function field(field, value) {
  if (typeof value === "bigint") return Buffer.concat([varint(BigInt(field << 3)), varint(value)]);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
}

/** @param {string} name @param {Attribute} value */
function attribute(name, value) {
  const parts = [field(1, name)];
  if (typeof value === "string") parts.push(field(4, value), field(20, 3n));
  else if (typeof value !== "number") {
    parts.push(...value.map((one) => field(8, BigInt(one))), field(20, 7n));
  } else if (FLOATS.has(name)) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    parts.push(Buffer.concat([varint(BigInt((2 << 3) | 5)), bytes]), field(20, 1n));
  } else parts.push(field(3, BigInt(value)), field(20, 2n));
  return Buffer.concat(parts);
}

/** @param {string} name @param {number} type @param {readonly (number | string)[]} shape */
function value(name, type, shape) {
  const dims = shape.map((size) =>
    field(1, typeof size === "string" ? field(2, size) : field(1, BigInt(size))),
  );
  const tensor = Buffer.concat([field(1, BigInt(type)), field(2, Buffer.concat(dims))]);
  return Buffer.concat([field(1, name), field(2, field(1, tensor))]);
}

/** A graph under construction: each operator returns the name of its output. */
export class Graph {
  /** @type {Buffer[]} */
  #nodes = [];
  /** @type {Buffer[]} */
  #constants = [];
  /** @type {Buffer[]} */
  #inputs = [];
  #count = 0;

  /** @param {string} name @param {readonly (number | string)[]} shape */
  input(name, shape, type = FLOAT) {
    this.#inputs.push(value(name, type, shape));
    return name;
  }

  /** An input of labels. @param {string} name @param {readonly (number | string)[]} shape */
  labels(name, shape) {
    return this.input(name, shape, INT64);
  }

  /** @param {readonly number[]} shape @param {Float32Array} values */
  floats(shape, values) {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    return this.#constant(FLOAT, shape, bytes);
  }

  /** @param {readonly number[]} values */
  integers(values) {
    const bytes = Buffer.from(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(INT64, [values.length], bytes);
  }

  /** @param {number} type @param {readonly number[]} shape @param {Buffer} bytes */
  #constant(type, shape, bytes) {
    const name = `c${this.#constants.length}`;
    const dims = shape.map((size) => field(1, BigInt(size)));
    this.#constants.push(
      Buffer.concat([...dims, field(2, BigInt(type)), field(8, name), field(9, bytes)]),
    );
    return name;
  }

  /**
   * @param {string} operator
   * @param {readonly string[]} inputs
   * @param {Record<string, Attribute>} [attributes]
   */
  node(operator, inputs, attributes = {}) {
    const output = `v${this.#count++}`;
    this.#nodes.push(
      Buffer.concat([
        ...inputs.map((name) => field(1, name)),
        field(2, output),
        field(4, operator),
        ...Object.entries(attributes).map(([name, value]) => field(5, attribute(name, value))),
      ]),
    );
    return output;
  }

  /** The file. @param {string} output @param {readonly (number | string)[]} shape */
  finish(output, shape) {
    const graph = Buffer.concat([
      ...this.#nodes.map((node) => field(1, node)),
      field(2, "unet"),
      ...this.#constants.map((constant) => field(5, constant)),
      ...this.#inputs.map((input) => field(11, input)),
      field(12, value(output, FLOAT, shape)),
    ]);
    return Buffer.concat([
      field(1, IR_VERSION),
      field(8, Buffer.concat([field(1, ""), field(2, OPSET)])),
      field(7, graph),
    ]);
  }
}
