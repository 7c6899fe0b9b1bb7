// The module for pages that others write, as it is published: from a page's own origin, from another, as a package.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { DRAFT, SLOW, largestDifference, root, serve } from "./helpers.js";
import { commit, openHub } from "./hub-site.js";
import { conformance, filesOf } from "./models.js";
import { openSite } from "./site.js";
import { Visitor } from "./visitor.js";

const hub = await openHub();
after(() => hub.close());
const served = { folder: DRAFT + path.sep, below: "/some/path/" };
const site = openSite({ served, flags: hub.flags });

/** A page of somebody else beside the module. @param {string} [policy] */
const course = (policy = "") => ({
  "/some/path/course.html": {
    body: `<!doctype html><title>A course</title><link rel="icon" href="data:," />${
      policy && `<meta http-equiv="Content-Security-Policy" content="${policy}" />`
    }`,
  },
});

/** A page of the published site. @param {import("node:test").TestContext} t @param {string} address */
async function open(t, address) {
  const context = await site.browser.newContext({ serviceWorkers: "block" });
  t.after(() => context.close());
  const visitor = new Visitor(await context.newPage());
  await visitor.page.goto(new URL(address, site.url).href);
  return visitor;
}

test("the example of twenty lines walks to an image, under the policy that is documented", async (t) => {
  const { page, complaints } = await open(t, "example.html");
  await page.getByText("An image", { exact: true }).waitFor({ timeout: SLOW / 5 });
  const grey = await page.locator("canvas").evaluate((canvas) => {
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, 28, 28).data ?? [];
    return Array.from(pixels).filter((_, i) => i % 4 === 0);
  });
  const white = grey.filter((value) => value > 200).length;
  assert.ok(white > 30 && white < 300, `${white} of 784 pixels are white`);
  assert.ok(grey.filter((value) => value < 30).length > 400, "on black");
  assert.deepEqual(complaints, []);

  const files = ["example.html", "example.js"].map((name) =>
    readFile(path.join(DRAFT, name), "utf8"),
  );
  const [html = "", script = ""] = await Promise.all(files);
  const lines = script.split("\n").filter((line) => line.trim() !== "").length;
  assert.ok(lines <= 20, `${lines} lines`);
  const documented = await readFile(path.join(root, "docs", "module.md"), "utf8");
  for (const source of ["script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'"]) {
    assert.ok(html.includes(source), source);
    const [name = "", ...values] = source.split(" ");
    assert.ok(documented.includes(`| \`${name}\` | \`${values.join(" ")}\` |`), source);
  }
});

test("a walk is the page's own, step by step, ends where its loop is left, and goes on after a release", async (t) => {
  const { page } = await open(t, "example.html");
  await page.getByText("An image", { exact: true }).waitFor({ timeout: SLOW / 5 });
  const found = await page.evaluate(async (address) => {
    /** @type {typeof import("../../web/module/walkback.js")} */
    const { load } = await import(new URL("walkback.js", address).href);
    const model = await load("pretrained/mnist", { device: "cpu" });
    const options = { seed: 5, label: 3, numInferenceSteps: 10 };
    /** @type {import("../../web/module/walkback.js").Frame[]} */
    const frames = [];
    for await (const frame of model.walk(options)) {
      frames.push(frame);
      if (frame.index === 4) await model.release();
    }
    let steps = 0;
    for await (const { index } of model.walk(options)) {
      steps += 1;
      if (index === 2) break;
    }
    const last = frames.at(-1);
    return {
      device: model.info.device,
      classes: model.info.classes.length,
      betas: model.schedule.betas.length,
      shape: frames[0]?.shape,
      timesteps: frames.map(({ timestep }) => timestep),
      chained: frames.every(
        ({ xt }, i) => i === 0 || xt.every((value, p) => value === frames[i - 1]?.xPrev[p]),
      ),
      done: frames.map(({ done }) => done).indexOf(true),
      image: Array.from(last?.xPrev ?? []),
      steps,
    };
  }, site.url);
  const { image, ...rest } = found;
  assert.deepEqual(rest, {
    device: "cpu",
    classes: 10,
    betas: 1000,
    shape: [1, 1, 28, 28],
    timesteps: rest.timesteps,
    chained: true,
    done: 9,
    steps: 3,
  });
  assert.equal(rest.timesteps.length, 10);

  const visitor = await site.visit("?device=cpu#seed=5&steps=10&label=3");
  await visitor.page.getByRole("img", { name: /finished image/ }).waitFor({ timeout: SLOW / 5 });
  const pixels = await visitor.pixels(visitor.xt);
  // What is beyond black and white is drawn as these.
  const shades = image.map((value) => Math.min(255, Math.max(0, 127.5 * (value + 1))));
  const away = largestDifference(pixels, shades);
  assert.ok(away <= 1, `the page's image differs by ${away}`);
});

test("from another origin it says that its folder has to be copied", async (t) => {
  const { url, close } = await serve(
    {
      "/course.html": {
        body: '<!doctype html><title>A course</title><link rel="icon" href="data:,">',
      },
    },
    {},
  );
  t.after(close);
  const context = await site.browser.newContext({ bypassCSP: true });
  t.after(() => context.close());
  const page = await context.newPage();
  // Another site would have to allow the import.
  await page.route("**/some/path/**/*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({
      response,
      headers: { ...response.headers(), "access-control-allow-origin": "*" },
    });
  });
  await page.route("**/some/path/*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({
      response,
      headers: { ...response.headers(), "access-control-allow-origin": "*" },
    });
  });
  await page.goto(`${url}course.html`);
  const said = await page.evaluate(async (address) => {
    const { load } = await import(new URL("walkback.js", address).href);
    return load("mnist").then(
      () => "nothing",
      (/** @type {Error} */ error) => error.message,
    );
  }, site.url);
  const [here, there] = [new URL(url).origin, new URL(site.url).origin];
  assert.equal(
    said,
    `walkback.js comes from ${there}, but a browser starts workers only from a page's own origin. Copy its folder to ${here} and import it from there.`,
  );
});

/** What `load` says in a page that keeps it from working. */
const complain = () =>
  import(new URL("walkback.js", location.href).href).then(({ load }) =>
    load("mnist").then(
      () => "nothing",
      (/** @type {Error} */ error) => error.message,
    ),
  );

test("where no worker can be started it says so", async (t) => {
  const { load } = await import("../../web/walkback.js");
  const needed = "walkback.js runs in a browser's page, because it computes in a worker.";
  await assert.rejects(load("mnist"), { message: needed }, "in Node");

  const policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'; connect-src 'self'";
  const { url, close } = await serve(course(policy), served);
  t.after(close);
  const page = await site.browser.newPage();
  t.after(() => page.close());
  await page.goto(`${url}course.html`);
  assert.equal(
    await page.evaluate(complain),
    "The worker could not be started: its script could not be loaded; reload the page.",
    "under a policy that allows none",
  );
  await page.evaluate(() => Object.assign(globalThis, { Worker: undefined }));
  assert.equal(await page.evaluate(complain), needed, "in a browser without workers");
});

test("a model of the hub comes by its name", async (t) => {
  hub.repositories.set("owner/plain", {
    revisions: { main: commit("a") },
    commits: { [commit("a")]: await filesOf(conformance("plain")) },
  });
  const { page, complaints } = await site.visitWith(t, course(), "course.html", {
    allowed: hub.allowed,
  });
  const found = await page.evaluate(async () => {
    /** @type {typeof import("../../web/module/walkback.js")} */
    const { load } = await import(new URL("walkback.js", location.href).href);
    const model = await load("hf:owner/plain", { device: "cpu" });
    let steps = 0;
    for await (const { done } of model.walk({ numInferenceSteps: 3 })) steps += done ? 100 : 1;
    return { steps, size: model.info.imageSize };
  });
  assert.deepEqual(found, { steps: 102, size: [28, 28] });
  const weights = "unet/diffusion_pytorch_model.safetensors";
  assert.deepEqual(hub.pathsOf("cdn.example"), [`/owner/plain/${commit("a")}/${weights}`]);
  assert.deepEqual(complaints, []);
});

test("npm packs the module with its types, workers and modules, and nothing of the page", async () => {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { stdout } = await promisify(execFile)(npm, ["pack", "--dry-run", "--json"], {
    cwd: DRAFT,
  });
  const [{ name, files }] = JSON.parse(stdout);
  assert.equal(name, "walkback");
  const paths = files.map((/** @type {{ path: string }} */ file) => file.path);
  for (const needed of [
    "package.json",
    "README.md",
    "LICENSE-MIT",
    "walkback.js",
    "walkback.d.ts",
    "example.html",
    "example.js",
    "web/walkback.js",
    "web/worker.js",
    "web/pkg/cpu/walkback.js",
    "web/pkg/cpu/walkback_bg.wasm",
    "web/pkg/webgpu/walkback_bg.wasm",
    "pretrained/mnist/unet/config.json",
  ]) {
    assert.ok(paths.includes(needed), `${needed} in ${paths.join(", ")}`);
  }
  assert.ok(
    !paths.includes("index.html") && !paths.includes("service-worker.js"),
    paths.join(", "),
  );
});
