// Where a model is at its best, as `walkback eval --best` wrote it into the folder, stands beside the sliders: of the page's
// own models and of the visitor's, from a disk or the hub.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { shows, still, visitStill } from "./any-model.js";
import { root } from "./helpers.js";
import { commit, openHub } from "./hub-site.js";
import { changed, conformance, drop, filesOf } from "./models.js";
import { openSite } from "./site.js";
import { openMore } from "./visitor.js";

const hub = await openHub();
after(() => hub.close());
const site = openSite({ flags: hub.flags });

const ADVICE = /This model is at its best|enough for this model/;

const labels = JSON.stringify({ names: Array.from("abcdefghij"), null: 10 });
/** @param {string} sampler */
const best = (sampler) =>
  JSON.stringify({
    sampler,
    guidance_scale: [1, 2.5],
    num_inference_steps: 20,
    samples: 100,
    frechet_floor: 1,
    measured: [],
  });

test("a folder that says where the model is at its best has it beside the sliders", async (t) => {
  /** @param {string} text of best.json @param {string} name */
  const folder = (text, name) =>
    changed(t, "class_conditional", { "labels.json": labels, "best.json": text }, name);
  const visitor = await visitStill(site);
  const { page, hero } = visitor;
  await drop(page, await folder(best("euler_a"), "measured"));
  await shows(visitor, /measured/);
  await openMore(hero);
  const classes = hero.getByRole("group", { name: "Class" });
  await classes.getByRole("radio", { name: "a", exact: true }).check();
  await hero.getByText("This model is at its best between 1 and 2.5.").waitFor();
  await hero.getByText("20 steps are enough for this model with Euler a.").waitFor();
  const wall = await visitor.goTo("A wall of images");
  await openMore(wall);
  await wall.getByText("This model is at its best between 1 and 2.5.").waitFor();
  await wall.getByText("20 steps are enough for this model with Euler a.").waitFor();
  // It is advice: without it, or where it is damaged, the model walks all the same.
  await drop(page, await folder("{", "damaged"));
  await shows(visitor, /damaged/);
  await openMore(hero);
  assert.equal(await page.getByText(ADVICE).count(), 0);
  await visitor.step.click();
  await visitor.reaches(1);
  await visitor.leave();
});

test("the page's own models have it", async () => {
  /** @param {string[]} file */
  const read = async (...file) =>
    JSON.parse(await readFile(path.join(root, "pretrained", ...file), "utf8"));
  const { models } = await read("models.json");
  assert.ok(models.length > 1);
  for (const name of models) {
    const visitor = await site.visit(`?device=cpu&model=${name}`, still);
    const { hero } = visitor;
    await openMore(hero);
    const { names } = await read(name, "labels.json");
    const measured = await read(name, "best.json");
    await visitor.digit(names[0]).check();
    const [low, high] = measured.guidance_scale;
    const range = low === high ? `at ${low}` : `between ${low} and ${high}`;
    await hero.getByText(`This model is at its best ${range}.`).waitFor();
    await hero
      .getByText(`${measured.num_inference_steps} steps are enough for this model`)
      .waitFor();
    await visitor.leave();
  }
});

test("a model of the hub has it where the hub lists it, and is not asked for it where not", async (t) => {
  const files = { ...(await filesOf(conformance("class_conditional"))), "labels.json": labels };
  hub.repositories.set("owner/measured", {
    revisions: { main: commit("a") },
    commits: { [commit("a")]: { ...files, "best.json": best("dpm++") } },
  });
  hub.repositories.set("owner/plain", {
    revisions: { main: commit("b") },
    commits: { [commit("b")]: files },
  });
  const { allowed } = hub;
  for (const [name, advice] of /** @type {const} */ ([
    ["owner/measured", 2],
    ["owner/plain", 0],
  ])) {
    hub.asked.length = 0;
    const visitor = await site.visitWith(t, {}, `?device=cpu&model=${name}`, { allowed, ...still });
    await visitor.page.getByRole("button", { name: "Fetch it" }).click();
    await shows(visitor, new RegExp(name));
    await openMore(visitor.hero);
    await visitor.digit("a").check();
    await visitor.guidance.waitFor();
    assert.equal(await visitor.hero.getByText(ADVICE).count(), advice, name);
    const asked = hub.pathsOf().filter((one) => one.endsWith("best.json"));
    assert.equal(asked.length, advice === 0 ? 0 : 1, String(asked));
    await visitor.leave();
  }
});
