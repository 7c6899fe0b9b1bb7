// Models for the tests: on disk, in a zip, dropped as a person drops them, and one as large as
// google/ddpm-cifar10-32 with random weights.

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Record<string, Uint8Array>} Files contents by path */

/** A model that diffusers made. @param {"plain" | "cifar_style" | "class_conditional" | "learned_variance"} name */
export const conformance = (name) => path.join(root, "tests", "conformance", name);

/**
 * An empty folder, gone after the test.
 * @param {import("node:test").TestContext} t
 * @returns {Promise<string>}
 */
export async function scratch(t) {
  const folder = await mkdtemp(path.join(tmpdir(), "walkback-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A copy of a conformance model under a name of its own, with files changed, added, or (null) left out.
 * @param {import("node:test").TestContext} t
 * @param {Parameters<typeof conformance>[0]} model
 * @param {Record<string, string | Uint8Array | null>} changes
 * @param {string} [name]
 * @returns {Promise<string>} the folder
 */
export async function changed(t, model, changes, name = "changed") {
  const folder = path.join(await scratch(t), name);
  await cp(conformance(model), folder, { recursive: true });
  await rm(path.join(folder, "io.safetensors"));
  for (const [file, content] of Object.entries(changes)) {
    const target = path.join(folder, file);
    await mkdir(path.dirname(target), { recursive: true });
    if (content === null) await rm(target);
    else await writeFile(target, content);
  }
  return folder;
}

/** All files of a folder, by their paths below it. @param {string} folder @returns {Promise<Files>} */
export async function filesOf(folder) {
  /** @type {Files} */
  const files = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    files[path.relative(folder, file).replaceAll("\\", "/")] = await readFile(file);
  }
  return files;
}

/**
 * Drags files or folders from the desktop over the page.
 * @param {Page} page
 * @param {string[]} paths
 * @param {{ x: number, y: number }} [point] of the window
 */
export async function drag(page, paths, { x, y } = { x: 60, y: 60 }) {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  /** @param {"dragEnter" | "dragOver" | "drop"} type */
  const send = (type) => session.send("Input.dispatchDragEvent", { type, x, y, data });
  await send("dragEnter");
  await send("dragOver");
  return {
    drop: () => send("drop"),
    /** As when they leave the window; the debugger has no way to say so. */
    away: () =>
      page.evaluate(() =>
        document.body.dispatchEvent(new DragEvent("dragleave", { bubbles: true })),
      ),
  };
}

/** Drops files or folders onto the page. @param {Page} page @param {string[]} paths */
export async function drop(page, ...paths) {
  await (await drag(page, paths)).drop();
}

/** The U-Net of google/ddpm-cifar10-32, as its folder says it. */
const CIFAR = {
  _class_name: "UNet2DModel",
  _diffusers_version: "0.0.4",
  act_fn: "silu",
  attention_head_dim: null,
  block_out_channels: [128, 256, 256, 256],
  center_input_sample: false,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
  in_channels: 3,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-6,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 32,
  time_embedding_type: "positional",
  up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
};

const CIFAR_SCHEDULER = {
  _class_name: "DDPMScheduler",
  beta_end: 0.02,
  beta_schedule: "linear",
  beta_start: 0.0001,
  clip_sample: true,
  num_train_timesteps: 1000,
  trained_betas: null,
  variance_type: "fixed_large",
};

/** The tensors of that U-Net by their old names. @returns {[string, number[]][]} */
function cifarTensors() {
  const widths = CIFAR.block_out_channels;
  const time = 4 * 128;
  /** @type {[string, number[]][]} */
  const tensors = [];
  /** @param {string} name @param {...number} shape */
  const layer = (name, ...shape) => {
    tensors.push([`${name}.weight`, shape], [`${name}.bias`, [shape[0] ?? 0]]);
  };
  /** @param {string} name @param {number} from @param {number} to */
  const resnet = (name, from, to) => {
    layer(`${name}.norm1`, from);
    layer(`${name}.conv1`, to, from, 3, 3);
    layer(`${name}.time_emb_proj`, to, time);
    layer(`${name}.norm2`, to);
    layer(`${name}.conv2`, to, to, 3, 3);
    if (from !== to) layer(`${name}.conv_shortcut`, to, from, 1, 1);
  };
  /** @param {string} name @param {number} width */
  const attention = (name, width) => {
    layer(`${name}.group_norm`, width);
    for (const part of ["query", "key", "value", "proj_attn"]) {
      layer(`${name}.${part}`, width, width);
    }
  };
  layer("conv_in", 128, 3, 3, 3);
  layer("time_embedding.linear_1", time, 128);
  layer("time_embedding.linear_2", time, time);
  /** What the skip connections carry, in the order of the way down. */
  const skips = [128];
  let from = 128;
  widths.forEach((width, level) => {
    for (let i = 0; i < 2; i++) {
      resnet(`down_blocks.${level}.resnets.${i}`, from, width);
      if (level === 1) attention(`down_blocks.${level}.attentions.${i}`, width);
      from = width;
      skips.push(width);
    }
    if (level === 3) return;
    layer(`down_blocks.${level}.downsamplers.0.conv`, width, width, 3, 3);
    skips.push(width);
  });
  resnet("mid_block.resnets.0", 256, 256);
  attention("mid_block.attentions.0", 256);
  resnet("mid_block.resnets.1", 256, 256);
  [...widths].reverse().forEach((width, block) => {
    for (let i = 0; i < 3; i++) {
      resnet(`up_blocks.${block}.resnets.${i}`, from + (skips.pop() ?? 0), width);
      if (block === 2) attention(`up_blocks.${block}.attentions.${i}`, width);
      from = width;
    }
    if (block < 3) layer(`up_blocks.${block}.upsamplers.0.conv`, width, width, 3, 3);
  });
  layer("conv_norm_out", 128);
  layer("conv_out", 3, 128, 3, 3);
  return tensors;
}

/**
 * A folder of that shape in its older, flat form: 35.7 million random weights as float16.
 * @returns {{ files: Files, parameters: number }}
 */
export function cifarFolder() {
  /** @type {Record<string, { dtype: string, shape: number[], data_offsets: [number, number] }>} */
  const header = {};
  const tensors = cifarTensors();
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + 2 * shape.reduce((product, side) => product * side, 1);
    header[name] = { dtype: "F16", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const values = new Uint16Array(offset / 2);
  // A linear congruential generator; the sign and the mantissa are drawn, which gives ±0.0078 to ±0.0156.
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = ((state >>> 16) & 0x8000) | 0x2000 | ((state >>> 8) & 0x3ff);
  }
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const file = new Uint8Array(8 + head.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  file.set(new Uint8Array(values.buffer), 8 + head.length);
  const json = (/** @type {object} */ value) => new TextEncoder().encode(JSON.stringify(value));
  return {
    files: {
      "config.json": json(CIFAR),
      "scheduler_config.json": json(CIFAR_SCHEDULER),
      "diffusion_pytorch_model.safetensors": file,
    },
    parameters: values.length,
  };
}
