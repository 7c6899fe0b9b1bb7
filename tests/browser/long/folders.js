// Model folders of your own, opened in the page and walked there, beside the native binary. Run by hand, after a build:
//
//   CHROME=... node tests/browser/long/folders.js target/release/walkback DIR [NAME ...]
//       [--device cpu|webgpu] [--steps 4] [--samplers ddpm,heun] [--no-drop]
//
// DIR holds folders such as save_pretrained writes; `tests/conformance/compare.py` compares the same ones natively with
// diffusers. Each is dropped onto the page, which shows it and makes a step or says why not. Then the page's engine walks it
// on the device with every sampler, from the same noise as `walkback sample --raw`, and every state has to be that of the
// binary, to 2e-3 of its largest value. A line for each folder; ends with 1 if any differs.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { SLOW, launch, readSafetensors, serve } from "../helpers.js";
import { drop, filesOf } from "../models.js";

const TOLERANCE = 2e-3;
const SEED = 5;
/** Where a folder does not say how large its images are. */
const SIZE = /** @type {const} */ ([32, 32]);
const SAMPLERS = ["ddpm", "ddim", "dpm++", "euler", "euler_a", "heun", "unipc"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string", default: "cpu" },
    steps: { type: "string", default: "4" },
    samplers: { type: "string", default: SAMPLERS.join(",") },
    "no-drop": { type: "boolean", default: false },
  },
});
const [binary, folder, ...names] = positionals;
if (binary === undefined || folder === undefined) {
  throw new Error("give the binary and a folder of model folders; the first lines say more");
}
const device = values.device === "webgpu" ? "webgpu" : "cpu";
const steps = Number(values.steps);
const run = promisify(execFile);

/**
 * What a folder needs to be said of it.
 * @param {string} name
 * @returns {Promise<{ sized: boolean, label: number | null, spacing: "trailing" | undefined }>}
 */
async function needs(name) {
  const inside = (/** @type {string} */ file) =>
    readFile(path.join(folder ?? "", name, file), "utf8");
  const text = await inside("unet/config.json").catch(() => inside("config.json"));
  const config = JSON.parse(text.replace(/^\ufeff/, ""));
  const labels = config.num_class_embeds != null || config.class_embed_type === "timestep";
  return {
    sized: config.sample_size != null,
    label: labels ? 1 : null,
    // The logarithm of timestep 0 is no number, and trailing does not visit it.
    spacing: config.time_embedding_type === "fourier" ? "trailing" : undefined,
  };
}

/**
 * Every state of the binary's walk, or what it says.
 * @param {string} name
 * @param {string} sampler
 * @param {Awaited<ReturnType<typeof needs>>} need
 * @returns {Promise<number[][] | string>}
 */
async function native(name, sampler, { sized, label, spacing }) {
  const scratch = await mkdtemp(path.join(tmpdir(), "walkback-"));
  try {
    const raw = path.join(scratch, "raw.safetensors");
    const out = ["--raw", raw, "--out", path.join(scratch, "grid.png")];
    const walk = ["--count", 1, "--seed", SEED, "--steps", steps, "--sampler", sampler];
    const more = [
      ...(label === null ? [] : ["--label", label]),
      ...(spacing ? ["--spacing", spacing] : []),
      ...(sized ? [] : ["--size", SIZE.join("x")]),
    ];
    const model = path.join(folder ?? "", name);
    await run(binary ?? "", ["sample", "--model", model, ...out, ...walk, ...more].map(String));
    const trajectory = readSafetensors(await readFile(raw)).get("trajectory");
    if (trajectory === undefined) return "no trajectory";
    const [count = 1] = trajectory.shape;
    const size = trajectory.values.length / count;
    return Array.from({ length: count }, (_, i) =>
      trajectory.values.slice(i * size, (i + 1) * size),
    );
  } catch (error) {
    const { stderr } = /** @type {{ stderr?: string }} */ (error);
    return stderr?.trim().split("\n").at(-1) ?? String(error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The largest difference of two states, for the largest value. @param {number[]} found @param {number[]} expected */
function relative(found, expected) {
  if (found.length !== expected.length) return Infinity;
  let [difference, largest] = [0, 0];
  for (const [i, value] of expected.entries()) {
    const by = Math.abs(value - (found[i] ?? NaN));
    difference = Number.isNaN(by) ? Infinity : Math.max(difference, by);
    largest = Math.max(largest, Math.abs(value));
  }
  return difference / largest;
}

/**
 * Drops a folder onto the page; what the page shows of it, or says.
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function dropped(page, name) {
  const alert = page.getByRole("alert");
  const before = (await alert.allTextContents()).join(" ");
  await drop(page, path.join(folder ?? "", name));
  const bar = page.getByRole("group", { name: "The model" });
  const end = Date.now() + SLOW;
  for (;;) {
    const said = (await alert.allTextContents()).join(" ");
    if (said !== "" && said !== before) return `says: ${said}`;
    const sizes = page.getByRole("dialog", { name: "How large are its images?" });
    if (await sizes.isVisible()) {
      await sizes.getByLabel("Height").fill(String(SIZE[0]));
      await sizes.getByLabel("Width").fill(String(SIZE[1]));
      await sizes.getByRole("button", { name: "Open it" }).click();
    }
    if ((await bar.locator("strong").textContent()) === name) break;
    if (Date.now() > end) return "says nothing";
    await page.waitForTimeout(100);
  }
  const hero = page.getByRole("region", { name: "Walk back", exact: true });
  await hero.getByRole("img", { name: /^The network's guess/ }).waitFor({ timeout: SLOW });
  await hero.getByRole("button", { name: "One step", exact: true }).click();
  const stepped = hero.getByRole("img", { name: /^The noisy image.*step [1-9]\d* of/ });
  const fails = alert.first().waitFor({ timeout: SLOW });
  const ended = await Promise.race([
    stepped.waitFor({ timeout: SLOW }).then(() => "shown, one step"),
    fails.then(async () => `says: ${(await alert.allTextContents()).join(" ")}`),
  ]);
  fails.catch(() => {});
  return ended;
}

/**
 * Walks a folder in the page's engine.
 * @param {import("playwright-core").Page} page with the engine
 * @param {string[]} files of the folder
 * @param {string} name
 * @param {Awaited<ReturnType<typeof needs>>} need
 */
async function opened(page, files, name, { sized }) {
  return page.evaluate(
    async ({ files, name, device, size }) => {
      const { sourceOf } = await import(
        /* @vite-ignore */ `${location.origin}/web/models/source.js`
      );
      const given = [];
      for (const file of files) {
        const response = await fetch(`${location.origin}/folders/${name}/${file}`);
        const blob = await response.blob();
        given.push({ path: `${name}/${file}`, size: blob.size, blob });
      }
      const { engine } = /** @type {any} */ (globalThis);
      try {
        const model = await sourceOf(given, size ? { size } : undefined);
        const { info } = await engine.load({ model, device });
        return { device: info.device, said: "" };
      } catch (error) {
        return { device: "", said: error instanceof Error ? error.message : String(error) };
      }
    },
    { files, name, device, size: sized ? null : SIZE },
  );
}

/** @type {Record<string, import("../helpers.js").Answer>} */
const answers = {};
const server = await serve(answers);
const browser = await launch({ webgpu: device === "webgpu" });
let wrong = 0;
try {
  const chosen = names.length > 0 ? names : (await readdir(folder)).sort();
  const visitor = await browser.newPage({ reducedMotion: "reduce", serviceWorkers: "block" });
  if (!values["no-drop"]) {
    await visitor.goto(`${server.url}?device=${device}`);
    await visitor.getByRole("img", { name: /^The network's guess/ }).waitFor({ timeout: SLOW });
  }
  for (const name of chosen) {
    const need = await needs(name);
    const shown = values["no-drop"] ? "" : await dropped(visitor, name);
    const files = await filesOf(path.join(folder, name));
    for (const key of Object.keys(answers)) delete answers[key];
    for (const [file, body] of Object.entries(files)) {
      answers[`/folders/${name}/${file}`] = { body: Buffer.from(body) };
    }
    const page = await browser.newPage();
    await page.goto(`${server.url}tests/browser/steady.html`);
    await page.waitForFunction("globalThis.engine !== undefined");
    const { said } = await opened(page, Object.keys(files), name, need);
    /** @type {string[]} */
    const found = said === "" ? [] : [`refused: ${said}`];
    for (const sampler of said === "" ? values.samplers.split(",") : []) {
      const expected = await native(name, sampler, need);
      const { label, spacing } = need;
      const options = {
        seed: SEED,
        count: 1,
        label,
        numInferenceSteps: steps,
        sampler,
        ...(spacing && { spacing }),
      };
      /** @type {number[][] | string} */
      const states = await page.evaluate(async (options) => {
        const { walk } = /** @type {any} */ (globalThis);
        try {
          const frames = await walk(options);
          return [frames[0].xt, ...frames.map((/** @type {any} */ { xPrev }) => xPrev)];
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      }, options);
      if (typeof expected === "string" || typeof states === "string") {
        const both = typeof expected === "string" && typeof states === "string";
        wrong += both ? 0 : 1;
        found.push(`${sampler} ${both ? "refused by both" : `DIFF ${states} / ${expected}`}`);
        continue;
      }
      const errors = expected.map((state, i) => relative(states[i] ?? [], state));
      const worst = Math.max(...errors, states.length === expected.length ? 0 : Infinity);
      wrong += worst <= TOLERANCE ? 0 : 1;
      found.push(`${sampler} ${worst <= TOLERANCE ? "" : "DIFF "}${worst.toExponential(1)}`);
    }
    console.log(`${name.padEnd(20)} ${device} | ${shown} | ${found.join(", ")}`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(wrong > 0 ? `${wrong} walks differ` : "every walk is the binary's");
process.exitCode = wrong > 0 ? 1 : 0;
