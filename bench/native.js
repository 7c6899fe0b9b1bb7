// What is measured natively, in turn with PyTorch and diffusers where a Python has them.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { root } from "../tests/browser/helpers.js";
import { median, row } from "./table.js";

const MODEL = "pretrained/mnist";
const BATCH = 64;

/** A Python that has diffusers: $PYTHON, or python3; null if it has not. */
function findPython() {
  const python = process.env["PYTHON"] || "python3";
  const found = spawnSync(python, ["-c", "import torch, diffusers"]);
  return found.status === 0 ? python : null;
}

/** @param {{ binary: string, quick: boolean }} options */
export async function measureNative({ binary, quick }) {
  const python = findPython();
  if (python === null) {
    console.log(
      "    PyTorch and diffusers: not installed ($PYTHON names another Python), left out",
    );
  }
  const rounds = quick ? 1 : 3;
  const scratch = await mkdtemp(path.join(os.tmpdir(), "walkback-bench-"));
  try {
    const sample = await inTurn(
      python === null
        ? null
        : [
            python,
            "bench/peers/sample.py",
            MODEL,
            String(os.availableParallelism()),
            String(rounds),
          ],
      rounds,
      () => timeSampling(binary, scratch),
    );
    const train = await inTurn(
      python === null
        ? null
        : [
            python,
            "bench/peers/train.py",
            MODEL,
            String(os.availableParallelism()),
            String(rounds),
            String(BATCH),
          ],
      rounds,
      (round) => timeTraining(binary, path.join(scratch, `run-${round}`)),
    );
    return [
      row("native sampling, CPU, 100 digits, DDIM 50", "s", sample.ours, sample.peer, 0.6),
      row(`native training step, CPU, batch ${BATCH}`, "s", train.ours, train.peer, 0.85),
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Our time and the peer's, one after the other; the peer waits meanwhile.
 * @param {string[] | null} command
 * @param {number} rounds
 * @param {(round: number) => Promise<number>} measure
 */
async function inTurn(command, rounds, measure) {
  const peer = command && new Peer(command);
  await peer?.ready;
  const times = { ours: /** @type {number[]} */ ([]), peer: /** @type {number[]} */ ([]) };
  for (let round = 0; round < rounds; round++) {
    times.ours.push(await measure(round));
    if (peer !== null) times.peer.push(await peer.measure());
  }
  peer?.end();
  return { ours: median(times.ours), peer: peer === null ? null : median(times.peer) };
}

/** A program that times one round for every line it is given. */
class Peer {
  #process;
  #lines;
  /** @param {string[]} command */
  constructor([program = "", ...parameters]) {
    this.#process = spawn(program, parameters, { cwd: root, stdio: ["pipe", "pipe", "ignore"] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.ready = this.#line();
  }
  async #line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the peer's program ended early");
    return value;
  }
  async measure() {
    this.#process.stdin.write("\n");
    return Number(await this.#line());
  }
  end() {
    this.#process.stdin.end();
  }
}

/** @param {string} binary @param {string[]} parameters */
async function run(binary, parameters) {
  const child = spawn(binary, parameters, { cwd: root, stdio: "ignore" });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${binary} ${parameters.join(" ")} ended with ${code}`);
}

/** The whole command, the loading of the model and the picture included. @param {string} binary @param {string} scratch */
async function timeSampling(binary, scratch) {
  const began = performance.now();
  await run(binary, [
    ..."sample --label all --count 10 --sampler ddim --steps 50 --seed 1".split(" "),
    "--model",
    MODEL,
    "--out",
    path.join(scratch, "grid.png"),
  ]);
  return (performance.now() - began) / 1000;
}

/** Seconds a step, the median of four after two. @param {string} binary @param {string} out */
async function timeTraining(binary, out) {
  await run(binary, [
    ..."train --data data/mnist-500 --steps 6 --sample-every 0 --checkpoint-every 1000000".split(
      " ",
    ),
    "--batch-size",
    String(BATCH),
    "--unet",
    `${MODEL}/unet/config.json`,
    "--out",
    out,
  ]);
  const [head = "", ...lines] = (await readFile(path.join(out, "metrics.csv"), "utf8"))
    .trim()
    .split("\n");
  const column = head.split(",").indexOf("images_per_s");
  return median(lines.slice(2).map((line) => BATCH / Number(line.split(",")[column])));
}
