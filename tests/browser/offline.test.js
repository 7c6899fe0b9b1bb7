// The published page works without a connection after the first visit.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { seeAllFigures } from "./figures.js";
import { DRAFT, SLOW, launch, serve } from "./helpers.js";
import { scratch } from "./models.js";
import { Visitor } from "./visitor.js";

const ADDRESS = "?device=cpu#seed=5&steps=10";

/**
 * The published page on a server of its own, and a browser that keeps what a service worker keeps.
 * @param {import("node:test").TestContext} t
 * @param {string} folder
 */
async function published(t, folder) {
  /** @type {string[]} */
  const asked = [];
  // Nothing may be kept by anybody but the service worker.
  const served = { folder: folder + path.sep, below: "/some/path/", maxAge: 0 };
  const server = await serve({}, { ...served, asked: (address) => asked.push(address) });
  t.after(server.close);
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  const context = await browser.newContext({ reducedMotion: "reduce" });
  /** @param {string} [address] */
  const visit = async (address = ADDRESS) => {
    const visitor = new Visitor(await context.newPage());
    await visitor.page.goto(server.url + address);
    await visitor.revealed(SLOW / 5);
    return visitor;
  };
  /** Waits until all files are kept. @param {import("playwright-core").Page} page */
  const kept = async (page) => {
    await page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready;
      while (active?.state !== "activated") await new Promise((resolve) => setTimeout(resolve, 50));
    });
  };
  return { asked, context, visit, kept, url: server.url };
}

test("the page walks without a connection after the first visit, with all its figures", async (t) => {
  const { asked, context, visit, kept } = await published(t, DRAFT);
  const first = await visit();
  await first.toEnd.click();
  await first.page.getByRole("img", { name: /finished image/ }).waitFor({ timeout: SLOW / 5 });
  const image = await first.pixels(first.xt);
  await kept(first.page);
  const modules = asked.filter((address) => address.endsWith(".wasm"));
  assert.deepEqual(new Set(modules), new Set(["/some/path/web/pkg/cpu/walkback_bg.wasm"]));
  await first.page.close();

  await context.setOffline(true);
  const before = asked.length;
  const again = await visit();
  await again.toEnd.click();
  await again.page.getByRole("img", { name: /finished image/ }).waitFor({ timeout: SLOW / 5 });
  assert.deepEqual(await again.pixels(again.xt), image);
  await seeAllFigures(again.page);
  // Whether there is another version the browser itself asks, whatever a test takes from the page.
  const others = asked.slice(before).filter((address) => !address.endsWith("/service-worker.js"));
  assert.deepEqual(others, []);
  assert.deepEqual(again.complaints, []);
});

test("a page beside it with the module walks without a connection too", async (t) => {
  const { asked, context, visit, kept, url } = await published(t, DRAFT);
  const first = await visit();
  await kept(first.page);
  await first.page.close();
  await context.setOffline(true);
  const before = asked.length;
  const { page, complaints } = new Visitor(await context.newPage());
  await page.goto(`${url}example.html`);
  await page.getByText("An image", { exact: true }).waitFor({ timeout: SLOW / 5 });
  // A browser asks for it at every visit, to see whether there is another.
  const others = asked.slice(before).filter((address) => !address.endsWith("/service-worker.js"));
  assert.deepEqual(others, []);
  assert.deepEqual(complaints, []);
});

test("a request for a range, or for what is not the page's, goes to the network", async (t) => {
  const { asked, visit, kept, url } = await published(t, DRAFT);
  const first = await visit();
  await kept(first.page);
  await first.page.close();
  const { page } = await visit();
  const before = asked.length;
  await page.evaluate(async () => {
    for (const [address, init] of /** @type {[string, RequestInit][]} */ ([
      ["index.html?whole", {}],
      ["index.html?part", { headers: { range: "bytes=0-9" } }],
      ["index.html?head", { method: "HEAD" }],
      ["LICENSE-MIT", {}],
    ])) {
      await fetch(address, { cache: "no-store", ...init });
    }
  });
  const { pathname } = new URL(url);
  assert.deepEqual(
    asked.slice(before).sort(),
    [`${pathname}LICENSE-MIT`, `${pathname}index.html`, `${pathname}index.html`].sort(),
  );
});

test("another version is used once all of it is there, and never if one file is wrong", async (t) => {
  const folder = path.join(await scratch(t), "site");
  await cp(DRAFT, folder, { recursive: true });
  const { asked, context, visit, kept } = await published(t, folder);
  const first = await visit();
  await kept(first.page);
  await first.page.close();
  const [page, script] = ["index.html", "service-worker.js"].map((name) => path.join(folder, name));
  const html = await readFile(page ?? "", "utf8");
  const list = await readFile(script ?? "", "utf8");
  const next = html.replace("Noise, walked back", "Noise, walked away");
  /**
   * Publishes the next version, of which the list says this hash.
   * @param {string} version
   * @param {string} hash
   * @returns {Promise<boolean>} whether it waits to be used
   */
  const publish = async (version, hash) => {
    await writeFile(page ?? "", next);
    await writeFile(
      script ?? "",
      list
        .replace(/"version":"[^"]+"/, `"version":"${version}"`)
        .replace(/"index.html":"[^"]+"/, `"index.html":"${hash}"`),
    );
    const before = asked.length;
    const visitor = await visit();
    // Whether it was tried at the visit itself, which a browser may do, or only now: what became of it is the same.
    const waits = await visitor.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      while (registration.installing) await new Promise((resolve) => setTimeout(resolve, 50));
      return registration.waiting !== null;
    });
    assert.ok(asked.slice(before).includes("/some/path/"), "its files were asked for");
    const heading = await visitor.page.getByRole("heading", { level: 1 }).textContent();
    assert.equal(heading, "Noise, walked back to an image", "no page changes while it is open");
    await visitor.page.close();
    return waits;
  };
  /** @param {string} heading */
  const opensWith = async (heading) => {
    await context.setOffline(true);
    const soon = Date.now() + 30_000;
    let opened;
    // A page that was closed a moment ago may still count as open, and then the version before is still in use.
    do {
      const visitor = await visit();
      opened = await visitor.page.getByRole("heading", { level: 1 }).textContent();
      await visitor.page.close();
      await new Promise((resolve) => setTimeout(resolve, 200));
    } while (opened !== heading && Date.now() < soon);
    assert.equal(opened, heading);
    await context.setOffline(false);
  };

  assert.equal(await publish("damaged", "0".repeat(64)), false);
  await opensWith("Noise, walked back to an image");
  const hash = createHash("sha256").update(next).digest("hex");
  assert.equal(await publish("next", hash), true);
  await opensWith("Noise, walked away to an image");
});
