// Everything that `cargo xtask bench` prints: node bench/run.js --modules DIR --binary PATH --out JSON
// [--data DIR] [--only PART]... [--quick]

import { writeFile } from "node:fs/promises";
import os from "node:os";
import { parseArgs } from "node:util";
import { measureBent } from "./bent.js";
import { measureLargeOnWebgpu, measureOnWebgpu, measureSteps } from "./browser.js";
import { measureMemory } from "./memory.js";
import { measureNative } from "./native.js";
import { measureSizes } from "./sizes.js";
import { measureStart } from "./start.js";
import { print } from "./table.js";
import { measureTeach } from "./teach.js";
import { measureWall } from "./wall.js";

const { values } = parseArgs({
  options: {
    modules: { type: "string", default: "dist" },
    binary: { type: "string", default: "target/release/walkback" },
    data: { type: "string" },
    out: { type: "string", default: "target/bench.json" },
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
  },
});

/** @type {Record<string, () => Promise<import("./table.js").Row[]>>} */
const parts = {
  sizes: () => measureSizes(values.modules),
  cpu: () => measureSteps(values),
  webgpu: () => measureOnWebgpu(values),
  large: () => (values.quick ? Promise.resolve([]) : measureLargeOnWebgpu(values)),
  start: () => measureStart(values),
  wall: () => measureWall(values),
  memory: () => measureMemory(values),
  teach: async () => [...(await measureTeach(values)), ...(await measureBent(values))],
  native: () => measureNative(values),
};

const rows = [];
for (const [name, measure] of Object.entries(parts)) {
  if (values.only.length > 0 && !values.only.includes(name)) continue;
  console.log(`--> ${name}`);
  rows.push(...(await measure()));
}
console.log();
print(/** @type {any} */ (rows));
const [cpu] = os.cpus();
const machine = {
  cpu: cpu?.model ?? "",
  cores: os.availableParallelism(),
  platform: os.platform(),
};
await writeFile(values.out, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
console.log(`\n==> ${values.out}`);
