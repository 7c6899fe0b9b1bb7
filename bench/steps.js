// Steps of CPU modules in turn, in Node, one image at a time: node bench/steps.js [--rounds N] [--only NETWORK] FOLDER...
//
// A folder is one with `walkback.js` and `walkback_bg.wasm`, such as web/pkg/cpu, built before and after a change. Prints the
// median of a step for each, and the ratio to the first: processor time, which other work on the machine disturbs little. V8
// compiles as in Chromium; the page's table, beside a peer, is `run.js`.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { root } from "../tests/browser/helpers.js";
import { files, NETWORKS } from "./networks.js";
import { median } from "./table.js";

/** Steps before any is timed: by then V8 has compiled what is slow. */
const WARM = 12;
const TIMESTEP = 500;
const LABEL = 3;

const { values: options, positionals: folders } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "15" },
    only: { type: "string" },
    batch: { type: "string", default: "1" },
  },
});
const [rounds, count] = [Number(options.rounds), Number(options.batch)];

const modules = await Promise.all(
  (folders.length > 0 ? folders : ["web/pkg/cpu"]).map(async (folder) => {
    const module = await import(pathToFileURL(path.resolve(folder, "walkback.js")).href);
    module.initSync({ module: await readFile(path.join(folder, "walkback_bg.wasm")) });
    return { folder, module };
  }),
);

for (const network of NETWORKS) {
  if (options.only !== undefined && !network.name.includes(options.only)) continue;
  const made = await files(network);
  const file = (/** @type {string} */ name) =>
    made[name] ?? readFile(path.join(root, network.folder ?? "", name));
  const config = String(await file("unet/config.json"));
  const scheduler = String(await file("scheduler/scheduler_config.json"));
  const weights = await file("unet/diffusion_pytorch_model.safetensors");
  const { in_channels: channels, sample_size: side, num_class_embeds: rows } = JSON.parse(config);
  const x = Float32Array.from(
    { length: count * channels * side * side },
    (_, i) => 1.4 * Math.sin(12.9898 * i * i + 1),
  );
  const labels = rows > 0 ? new Uint32Array(count).fill(LABEL) : undefined;
  const runs = [];
  for (const { folder, module } of modules) {
    const bytes = new Uint8Array(/** @type {Buffer} */ (weights));
    const model = await module.Model.load(config, scheduler, undefined, [bytes]);
    const step = () => model.predict(x, count, TIMESTEP, labels);
    runs.push({
      folder,
      model,
      step,
      times: /** @type {number[]} */ ([]),
      output: new Float32Array(),
    });
  }
  for (let i = -WARM; i < rounds; i++) {
    for (const run of runs) {
      const began = process.cpuUsage();
      run.output = await run.step();
      const milliseconds = process.cpuUsage(began).user / 1000;
      if (i >= 0) run.times.push(milliseconds);
    }
  }
  const first = runs[0];
  if (first === undefined) throw new Error("there is no module to measure");
  for (const { folder, times, output, model } of runs) {
    const ratio = median(times) / median(first.times);
    const apart = Math.max(...output.map((value, i) => Math.abs(value - (first.output[i] ?? NaN))));
    console.log(
      `${network.name.padEnd(24)} ${folder.padEnd(24)} ${median(times).toFixed(2).padStart(8)} ms` +
        ` ${ratio.toFixed(2)} x  ${apart.toExponential(1)} apart`,
    );
    model.free();
  }
}
