// What was learned in the page, taken along as a zip: the page opens it again, and `walkback train` goes on from it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { unzipSync } from "../../web/vendor/fflate.js";
import { shows, visitStill } from "./any-model.js";
import { SLOW, root } from "./helpers.js";
import { drop, scratch } from "./models.js";
import { openSite } from "./site.js";
import { openTeach } from "./teach-page.js";

const site = openSite();
const run = promisify(execFile);
const BINARY = path.join(root, "target", "release", "walkback");
const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

/**
 * The page's model, bent by a step or two; its zip, and the examples as PNG.
 * @param {import("node:test").TestContext} t
 */
async function taught(t) {
  const { page, place, press, reaches, addZeros, hasExamples, button } = await openTeach(site, t);
  // `walkback train` wants sixteen at least.
  await addZeros();
  await addZeros();
  await hasExamples(20);
  await press("Learn");
  await reaches(1);
  await press("Pause");
  await button("Continue learning").waitFor({ timeout: SLOW });
  const coming = page.waitForEvent("download");
  await press("Download the model");
  const zip = await readFile(await (await coming).path());
  const pictures = await place
    .locator(".teach-examples canvas")
    .evaluateAll((all) =>
      all.map((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL("image/png")),
    );
  return { zip, pictures: pictures.map((url) => Buffer.from(url.split(",")[1] ?? "", "base64")) };
}

test("what was learned opens again from its zip, in the page and natively", async (t) => {
  const { zip, pictures } = await taught(t);
  const folder = await scratch(t);
  const archive = path.join(folder, "yours.zip");
  await writeFile(archive, zip);

  const visitor = await visitStill(site);
  await drop(visitor.page, archive);
  await shows(visitor, /yours/);
  const labels = visitor.hero.getByRole("group", { name: "Class" }).getByRole("radio");
  const names = await labels.evaluateAll((all) =>
    all.map((radio) => radio.ariaLabel ?? radio.parentElement?.textContent?.trim()),
  );
  assert.deepEqual(names, ["any", ..."0123456789", "yours"]);
  await labels.last().check();
  await visitor.step.click();
  await visitor.reaches(1);
  await visitor.leave();

  for (const [name, content] of Object.entries(unzipSync(zip))) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  const data = path.join(folder, "drawings");
  await mkdir(path.join(data, "yours"), { recursive: true });
  for (const [i, picture] of pictures.entries()) {
    await writeFile(path.join(data, "yours", `${i}.png`), picture);
  }
  /** Trains from it, and exports; the weights. @param {string} name @param {string} rate */
  const trained = async (name, rate) => {
    const [runFolder, model] = [path.join(folder, name), path.join(folder, `${name}-model`)];
    await run(BINARY, [
      ...["train", "--init", path.join(folder, "yours"), "--data", data, "--out", runFolder],
      ...["--steps", "2", "--batch-size", "2", "--sample-every", "0", "--lr", rate],
      ...["--warmup", "0", "--ema-decay", "0"],
    ]);
    await run(BINARY, ["export", "--run", runFolder, "--out", model]);
    assert.deepEqual(
      JSON.parse(await readFile(path.join(model, "labels.json"), "utf8")),
      JSON.parse(await readFile(path.join(folder, "yours", "labels.json"), "utf8")),
    );
    return readFile(path.join(model, WEIGHTS));
  };
  // Steps of no length show where it begins.
  const begun = await readFile(path.join(folder, "yours", WEIGHTS));
  assert.ok((await trained("still", "0")).equals(begun), "it begins with what the page learned");
  assert.ok(!(await trained("on", "1e-4")).equals(begun), "and learns from there");
});
