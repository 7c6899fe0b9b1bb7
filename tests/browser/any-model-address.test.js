// Models behind an address: elsewhere only after a question, on the page's own site without, and in its menu.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { bar, shows, still, visitStill, withOneModel } from "./any-model.js";
import { conformance, filesOf } from "./models.js";
import { openSite } from "./site.js";

const site = openSite();

const elsewhere = "https://models.example";

/**
 * Opens the page with ?model= on another origin that serves a model, and answers what is asked.
 * @param {import("node:test").TestContext} t
 * @param {readonly string[]} allowed
 */
async function visitElsewhere(t, allowed) {
  /** @type {string[]} */
  const asked = [];
  /** @param {import("playwright-core").Route} route */
  const answer = async (route) => {
    const { pathname } = new URL(route.request().url());
    asked.push(pathname);
    assert.equal(route.request().headers()["referer"], undefined, "it is not told from where");
    const file = path.join(
      conformance("plain"),
      pathname.replace("/owner/plain/resolve/main/", ""),
    );
    const body = await readFile(file).catch(() => null);
    const headers = { "access-control-allow-origin": "*" };
    await route.fulfill(body === null ? { status: 404, headers } : { body, headers });
  };
  const model = encodeURIComponent(`${elsewhere}/owner/plain/resolve/main`);
  const visitor = await site.visitWith(t, {}, `?device=cpu&model=${model}#seed=7`, {
    allowed,
    async prepare(context) {
      await withOneModel(context);
      await context.route(`${elsewhere}/**`, answer);
    },
    ...still,
  });
  const dialog = visitor.page.getByRole("dialog", { name: /Fetch a model from models\.example/ });
  await dialog.waitFor();
  return { visitor, asked, dialog };
}

describe("a model behind an address", () => {
  test("elsewhere is fetched once the visitor says so", async (t) => {
    const { visitor, asked, dialog } = await visitElsewhere(t, [elsewhere]);
    assert.match(
      (await dialog.textContent()) ?? "",
      /https:\/\/models\.example\/owner\/plain\/resolve\/main\//,
    );
    assert.deepEqual(await violations(visitor.page, dialog), []);
    await visitor.page.waitForTimeout(500);
    assert.equal(asked.length, 0, "nothing before");
    await dialog.getByRole("button", { name: "Fetch it" }).click();
    await shows(visitor, /plain.* It comes from models\.example\./);
    assert.ok(asked.includes("/owner/plain/resolve/main/unet/diffusion_pytorch_model.safetensors"));
    assert.equal(await visitor.seed.inputValue(), "7", "the rest of the address holds");
    assert.match(visitor.page.url(), /models\.example/);
  });

  test("elsewhere is never asked where the visitor declines", async (t) => {
    const { visitor, asked, dialog } = await visitElsewhere(t, []);
    await visitor.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await visitor.revealed();
    assert.equal(asked.length, 0);
    assert.ok(await bar(visitor).isHidden(), "it is the page's own model");
    assert.equal(await visitor.seed.inputValue(), "7");
    assert.doesNotMatch(visitor.page.url(), /models\.example/);
    await visitor.leave();
  });

  test("on the page's own site needs no question, in either layout", async (t) => {
    const files = await filesOf(conformance("plain"));
    /** @type {Record<string, { body: Buffer }>} */
    const flat = {};
    for (const [name, content] of Object.entries(files)) {
      flat[`/mine/old/${path.basename(name)}`] = { body: Buffer.from(content) };
    }
    for (const model of ["tests/conformance/cifar_style/", "/mine/old"]) {
      const visitor = await site.visitWith(t, flat, `?device=cpu&model=${model}`, still);
      await shows(visitor, /It comes from this site/);
    }
  });

  test("that has no model is said, and how one of the hub is written", async (t) => {
    const visitor = await site.visitWith(t, {}, "?device=cpu&model=ddpm-butterflies", still);
    await visitor.failure.waitFor();
    assert.match(
      (await visitor.failure.textContent()) ?? "",
      /could not be fetched: the server answered 404\. Check the model's name or address; one of the Hugging Face hub is written owner\/name\./,
    );
  });

  test("that cannot be is replaced by the page's own, which is said", async () => {
    for (const [model, says] of [
      ["http://models.example/", /over https only/],
      ["javascript:alert(1)", /over https only/],
      ["https://me:secret@models.example/", /a user name or a password/],
      ["https://", /neither a name nor an address/],
    ]) {
      const visitor = await visitStill(
        site,
        `?device=cpu&model=${encodeURIComponent(String(model))}`,
      );
      await visitor.page.getByText(says).waitFor();
      await visitor.page.getByText(/Using the page's own model\./).waitFor();
      await visitor.leave();
    }
  });
});

test("several models of the page's own are in a menu", async (t) => {
  const files = await filesOf(conformance("class_conditional"));
  /** @type {Record<string, { body: string | Buffer }>} */
  const instead = {
    "/pretrained/models.json": { body: `{ "models": ["mnist", "small", "<i>", 7] }` },
    "/pretrained/small/labels.json": { body: `{ "names": ["cat", "dog"] }` },
    "/pretrained/small/golden.json": { body: "" },
  };
  for (const [name, content] of Object.entries(files)) {
    instead[`/pretrained/small/${name}`] = { body: Buffer.from(content) };
  }
  delete instead["/pretrained/small/golden.json"];
  const visitor = await site.visitWith(t, instead, "?device=cpu", still);
  await visitor.revealed();
  const menu = visitor.page.getByRole("combobox", { name: "Model" });
  assert.deepEqual(await menu.getByRole("option").allTextContents(), ["mnist", "small"]);
  assert.equal(await menu.inputValue(), "mnist");
  assert.deepEqual(await violations(visitor.page, bar(visitor)), []);
  await menu.selectOption("small");
  await shows(visitor, /images of 16 × 16 in grey, of 2 classes/);
  assert.match(visitor.page.url(), /[?&]model=small/);
  await visitor.digit("dog").check();
  await visitor.page.reload();
  await visitor.revealed();
  assert.equal(await menu.inputValue(), "small", "the address names it");
  await menu.selectOption("mnist");
  await bar(visitor)
    .getByText(/16 × 16/)
    .waitFor({ state: "hidden" });
  await visitor.revealed();
  assert.doesNotMatch(visitor.page.url(), /model=/);
});

test("arrows on a menu choose there and leave the walk alone", async (t) => {
  const several = { "/pretrained/models.json": { body: `{ "models": ["mnist", "small"] }` } };
  const visitor = await site.visitWith(t, several, "?device=cpu#steps=10&at=1", still);
  await visitor.rests(1);
  // There is nothing before the first, so the menu stays as it is.
  await visitor.page.getByRole("combobox", { name: "Model" }).press("ArrowLeft");
  await visitor.page.waitForTimeout(200);
  assert.equal((await visitor.position()).position, 1);
  await visitor.leave();
});
