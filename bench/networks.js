// The networks that are measured, as walkback and as ONNX Runtime Web take them: from the same weights, which are a
// folder's, or drawn from a seed where the network is too large to lie here.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../tests/browser/helpers.js";
import { Graph } from "./onnx.js";
import { halves } from "./halves.js";

/** The seed of drawn weights. */
export const SEED = 16;

/** @typedef {{ shape: readonly number[], values: Float32Array }} Weight */
/** @typedef {(name: string, shape: readonly number[]) => Weight} Weights */
/** @typedef {Record<string, any>} Config `unet/config.json` */
/** @typedef {{ name: string, folder?: string, config?: Config }} Network */

const LARGE = {
  _class_name: "UNet2DModel",
  sample_size: 32,
  in_channels: 3,
  out_channels: 3,
  layers_per_block: 2,
  norm_num_groups: 32,
};

/** @type {Network[]} */
export const NETWORKS = [
  { name: "plain", folder: "tests/conformance/plain" },
  { name: "pretrained/mnist", folder: "pretrained/mnist" },
  {
    name: "18.5M at 32x32",
    config: {
      ...LARGE,
      block_out_channels: [64, 128, 128, 256],
      down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
      up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
      attention_head_dim: 8,
      downsample_padding: 1,
      flip_sin_to_cos: true,
      freq_shift: 0,
      norm_eps: 1e-5,
    },
  },
  {
    name: "ddpm-cifar10-32's shape",
    config: {
      ...LARGE,
      block_out_channels: [128, 256, 256, 256],
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
      up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      attention_head_dim: null,
      downsample_padding: 0,
      flip_sin_to_cos: false,
      freq_shift: 1,
      norm_eps: 1e-6,
    },
  },
];

const SCHEDULER = { _class_name: "DDPMScheduler", beta_start: 0.0001, beta_end: 0.02 };

/**
 * Everything that either engine is given, by path below the network's own.
 * @param {Network} network
 * @returns {Promise<Record<string, string | Buffer>>}
 */
export async function files({ folder, config }) {
  if (config !== undefined) {
    const drawn = new Map();
    const onnx = toOnnx(config, draw(SEED, drawn));
    return {
      "unet/config.json": JSON.stringify(config),
      "scheduler/scheduler_config.json": JSON.stringify(SCHEDULER),
      "unet/diffusion_pytorch_model.safetensors": toSafetensors(drawn),
      "unet.onnx": onnx,
    };
  }
  const file = (/** @type {string} */ name) => readFile(path.join(root, folder ?? "", name));
  const weights = readWeights(await file("unet/diffusion_pytorch_model.safetensors"));
  const json = JSON.parse(await file("unet/config.json").then(String));
  return { "unet.onnx": toOnnx(json, weights) };
}

/** PyTorch's initialisation, U(-b, b) with b = 1/sqrt(fan-in), but norms near 1. @param {number} seed @param {Map<string, Weight>} drawn @returns {Weights} */
function draw(seed, drawn) {
  let state = seed;
  // mulberry32
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
  return (name, shape) => {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    const [centre, bound] =
      shape.length > 1 ? [0, 1 / Math.sqrt(fan)] : [name.endsWith("weight") ? 1 : 0, 0.1];
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, () => centre + bound * uniform());
    const weight = { shape, values };
    drawn.set(name, weight);
    return weight;
  };
}

/** @param {Buffer} file @returns {Weights} */
function readWeights(file) {
  const data = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, data));
  return (name) => {
    const { dtype, shape, data_offsets: offsets } = header[name];
    const { buffer } = Uint8Array.from(file.subarray(data + offsets[0], data + offsets[1]));
    return { shape, values: dtype === "F16" ? halves(buffer) : new Float32Array(buffer) };
  };
}

/** @param {Map<string, Weight>} weights */
function toSafetensors(weights) {
  let end = 0;
  const header = Object.fromEntries(
    [...weights].map(([name, { shape, values }]) => [
      name,
      { dtype: "F32", shape, data_offsets: [end, (end += values.byteLength)] },
    ]),
  );
  const json = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(json.length));
  const data = [...weights.values()].map(({ values }) => Buffer.from(values.buffer));
  return Buffer.concat([head, json, ...data]);
}

/** What has a place in the network: its value's name in the graph, channels and side. @typedef {{ at: string, c: number, side: number }} Features */

/** diffusers' `UNet2DModel`, as PyTorch exports it. @param {Config} config @param {Weights} weights */
function toOnnx(config, weights) {
  const graph = new Graph();
  const { block_out_channels: widths, layers_per_block: layers, norm_num_groups: groups } = config;
  const levels = widths.length;
  const timeWidth = 4 * widths[0];
  const constant = (/** @type {number[]} */ shape, /** @type {Float32Array} */ values) =>
    graph.floats(shape, values);
  const silu = (/** @type {string} */ x) => graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
  /** @param {string} x @param {readonly number[]} shape */
  const reshape = (x, shape) => graph.node("Reshape", [x, graph.integers(shape)]);
  /** @param {string} x @param {string} name @param {number[]} sizes outputs, inputs */
  const gemm = (x, name, sizes) => {
    const [weight, bias] = [
      weights(`${name}.weight`, sizes),
      weights(`${name}.bias`, sizes.slice(0, 1)),
    ];
    const parameters = [constant(sizes, weight.values), constant(sizes.slice(0, 1), bias.values)];
    return graph.node("Gemm", [x, ...parameters], { transB: 1 });
  };
  /** @param {Features} x @param {string} name @param {number} c @param {{ kernel?: number, stride?: number, pads?: number[] }} [options] @returns {Features} */
  const conv = ({ at, c: from, side }, name, c, { kernel = 3, stride = 1, pads } = {}) => {
    const shape = [c, from, kernel, kernel];
    const parameters = [
      constant(shape, weights(`${name}.weight`, shape).values),
      constant([c], weights(`${name}.bias`, [c]).values),
    ];
    const edge = (kernel - 1) / 2;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: pads ?? [edge, edge, edge, edge],
    };
    return { at: graph.node("Conv", [at, ...parameters], attributes), c, side: side / stride };
  };
  /** @param {Features} x @param {string} name @returns {Features} */
  const norm = ({ at, c, side }, name) => {
    const one = constant([groups], new Float32Array(groups).fill(1));
    const zero = constant([groups], new Float32Array(groups));
    const apart = reshape(at, [0, groups, -1]);
    const epsilon = config["norm_eps"];
    const normed = graph.node("InstanceNormalization", [apart, one, zero], { epsilon });
    const [weight, bias] = ["weight", "bias"].map((leaf) =>
      constant([c, 1, 1], weights(`${name}.${leaf}`, [c]).values),
    );
    const scaled = graph.node("Mul", [reshape(normed, [-1, c, side, side]), weight ?? ""]);
    return { at: graph.node("Add", [scaled, bias ?? ""]), c, side };
  };
  /** @param {Features} x @param {string} name @returns {Features} */
  const normSilu = (x, name) => {
    const y = norm(x, name);
    return { ...y, at: silu(y.at) };
  };

  // The time embedding.
  const x = graph.input("x", [
    "n",
    config["in_channels"],
    config["sample_size"],
    config["sample_size"],
  ]);
  const t = graph.input("t", ["n"]);
  const half = widths[0] / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    Math.exp((-Math.log(10000) * i) / (half - config["freq_shift"])),
  );
  const angles = graph.node("Mul", [reshape(t, [-1, 1]), constant([half], frequencies)]);
  const waves = [graph.node("Sin", [angles]), graph.node("Cos", [angles])];
  const sines = graph.node("Concat", config["flip_sin_to_cos"] ? waves.reverse() : waves, {
    axis: 1,
  });
  const first = gemm(sines, "time_embedding.linear_1", [timeWidth, widths[0]]);
  let emb = gemm(silu(first), "time_embedding.linear_2", [timeWidth, timeWidth]);
  const rows = config["num_class_embeds"];
  if (rows) {
    const table = constant(
      [rows, timeWidth],
      weights("class_embedding.weight", [rows, timeWidth]).values,
    );
    const label = graph.labels("label", ["n"]);
    emb = graph.node("Add", [emb, graph.node("Gather", [table, label])]);
  }
  emb = silu(emb);

  /** @param {Features} x @param {string} name @param {number} c @returns {Features} */
  const resnet = (x, name, c) => {
    const h = conv(normSilu(x, `${name}.norm1`), `${name}.conv1`, c);
    const vector = reshape(gemm(emb, `${name}.time_emb_proj`, [c, timeWidth]), [-1, c, 1, 1]);
    const moved = { ...h, at: graph.node("Add", [h.at, vector]) };
    const out = conv(normSilu(moved, `${name}.norm2`), `${name}.conv2`, c);
    const skip = x.c === c ? x : conv(x, `${name}.conv_shortcut`, c, { kernel: 1 });
    return { ...out, at: graph.node("Add", [skip.at, out.at]) };
  };
  /** @param {Features} x @param {string} name @returns {Features} */
  const attention = (x, name) => {
    const { c, side } = x;
    const d = config["attention_head_dim"] ?? c;
    const area = side * side;
    /** @param {string} tokens @param {string} layer */
    const linear = (tokens, layer) => {
      const { values } = weights(`${name}.${layer}.weight`, [c, c]);
      const turned = Float32Array.from(
        values,
        (_, i) => values[(i % c) * c + Math.floor(i / c)] ?? 0,
      );
      const bias = constant([c], weights(`${name}.${layer}.bias`, [c]).values);
      return graph.node("Add", [graph.node("MatMul", [tokens, constant([c, c], turned)]), bias]);
    };
    const transpose = (/** @type {string} */ at, /** @type {number[]} */ perm) =>
      graph.node("Transpose", [at], { perm });
    const normed = norm(x, `${name}.group_norm`);
    const tokens = transpose(reshape(normed.at, [0, c, area]), [0, 2, 1]);
    const heads = (/** @type {string} */ layer, /** @type {number[]} */ perm) =>
      transpose(reshape(linear(tokens, layer), [0, area, c / d, d]), perm);
    const scale = constant([1], new Float32Array([d ** -0.5]));
    const q = graph.node("Mul", [heads("to_q", [0, 2, 1, 3]), scale]);
    const scores = graph.node("MatMul", [q, heads("to_k", [0, 2, 3, 1])]);
    const taken = graph.node("Softmax", [scores], { axis: -1 });
    const mixed = graph.node("MatMul", [taken, heads("to_v", [0, 2, 1, 3])]);
    const out = linear(reshape(transpose(mixed, [0, 2, 1, 3]), [0, area, c]), "to_out.0");
    const back = reshape(transpose(out, [0, 2, 1]), [0, c, side, side]);
    return { ...x, at: graph.node("Add", [x.at, back]) };
  };

  /** @type {Features} */
  let h = conv(
    { at: x, c: config["in_channels"], side: config["sample_size"] },
    "conv_in",
    widths[0],
  );
  const skips = [h];
  for (let level = 0; level < levels; level++) {
    const name = `down_blocks.${level}`;
    for (let i = 0; i < layers; i++) {
      h = resnet(h, `${name}.resnets.${i}`, widths[level]);
      if (config["down_block_types"][level].startsWith("Attn")) {
        h = attention(h, `${name}.attentions.${i}`);
      }
      skips.push(h);
    }
    if (level + 1 < levels) {
      const pads = config["downsample_padding"] === 0 ? [0, 0, 1, 1] : [1, 1, 1, 1];
      h = conv(h, `${name}.downsamplers.0.conv`, h.c, { stride: 2, pads });
      skips.push(h);
    }
  }
  h = resnet(h, "mid_block.resnets.0", h.c);
  h = attention(h, "mid_block.attentions.0");
  h = resnet(h, "mid_block.resnets.1", h.c);
  for (let i = 0; i < levels; i++) {
    const width = widths[levels - 1 - i];
    for (let j = 0; j <= layers; j++) {
      const skip = skips.pop();
      if (skip === undefined)
        throw new Error("more residual blocks on the way up than on the way down");
      const both = graph.node("Concat", [h.at, skip.at], { axis: 1 });
      h = resnet({ at: both, c: h.c + skip.c, side: h.side }, `up_blocks.${i}.resnets.${j}`, width);
      if (config["up_block_types"][i].startsWith("Attn")) {
        h = attention(h, `up_blocks.${i}.attentions.${j}`);
      }
    }
    if (i + 1 < levels) {
      // Each pixel becomes four; ONNX Runtime Web takes longer for Resize.
      let doubled = reshape(h.at, [-1, h.c, h.side, 1, h.side, 1]);
      for (const axis of [3, 5]) doubled = graph.node("Concat", [doubled, doubled], { axis });
      doubled = reshape(doubled, [-1, h.c, 2 * h.side, 2 * h.side]);
      h = conv({ at: doubled, c: h.c, side: 2 * h.side }, `up_blocks.${i}.upsamplers.0.conv`, h.c);
    }
  }
  const out = conv(normSilu(h, "conv_norm_out"), "conv_out", config["out_channels"]);
  return graph.finish(out.at, ["n", out.c, out.side, out.side]);
}
