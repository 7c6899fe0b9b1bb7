// A model by its name on the Hugging Face hub: asked for first, then fetched from one commit, through redirects, over
// connections that break off.

import assert from "node:assert/strict";
import { after, beforeEach, describe, test } from "node:test";
import { violations } from "./accessibility.js";
import { bar, shows, still } from "./any-model.js";
import { commit, openHub } from "./hub-site.js";
import { conformance, filesOf } from "./models.js";
import { openSite } from "./site.js";

const hub = await openHub();
after(() => hub.close());
const site = openSite({ flags: hub.flags });
const { allowed } = hub;

const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
const plain = await filesOf(conformance("plain"));

/** Opens the page where nothing has to be confirmed, and the dialog. */
async function openDialog() {
  const visitor = await site.visit("?device=cpu", { allowed, ...still });
  await visitor.page.getByRole("button", { name: "Open a model" }).click();
  const dialog = visitor.page.getByRole("dialog", { name: "Open a model" });
  const field = dialog.getByRole("textbox", { name: "Or one on the web" });
  return { visitor, dialog, field };
}

/** @param {import("./visitor.js").Visitor} visitor */
const question = ({ page }) =>
  page.getByRole("dialog", { name: "Fetch a model from huggingface.co?" });

/** Opens a model by its name, and says yes. @param {string} name */
async function opened(name) {
  const { visitor, field } = await openDialog();
  await field.fill(name);
  await field.press("Enter");
  await question(visitor).getByRole("button", { name: "Fetch it" }).click();
  return visitor;
}

/** What the page says of a model that it does not open. @param {string} name */
async function refusal(name) {
  const visitor = await opened(name);
  const alert = bar(visitor).getByRole("alert");
  await visitor.until(async () => (await alert.textContent()) !== "");
  const text = (await alert.textContent()) ?? "";
  await visitor.revealed();
  await visitor.page.context().close();
  return text;
}

beforeEach(() => {
  hub.asked.length = 0;
  hub.repositories.clear();
  Object.assign(hub.breaks, { left: 0, replaced: false });
  hub.pause.until = null;
  hub.repositories.set("owner/plain", {
    revisions: { main: commit("a") },
    commits: { [commit("a")]: plain },
  });
});

describe("a model of the hub", () => {
  test("in the address is asked about first, and comes from one commit through a redirect", async (t) => {
    const visitor = await site.visitWith(t, {}, "?device=cpu&model=owner/plain#seed=7", {
      allowed,
      ...still,
    });
    await question(visitor).waitFor();
    await visitor.page.waitForTimeout(300);
    assert.equal(hub.asked.length, 0, "nothing before");
    await question(visitor).getByRole("button", { name: "Fetch it" }).click();
    await shows(visitor, /owner\/plain.* It comes from huggingface\.co\./);
    assert.equal(await visitor.seed.inputValue(), "7", "the rest of the address holds");
    const [first, ...rest] = hub.pathsOf();
    assert.equal(first, "/api/models/owner/plain/revision/main");
    assert.ok(rest.length >= 3);
    for (const path of rest) {
      assert.ok(path.startsWith(`/owner/plain/resolve/${commit("a")}/`), `${path}: of the commit`);
    }
    assert.deepEqual(hub.pathsOf("cdn.example"), [`/owner/plain/${commit("a")}/${WEIGHTS}`]);
    for (const { headers, method } of hub.asked) {
      assert.equal(method, "GET", "no other site has to be asked for leave");
      assert.equal(headers.referer, undefined);
      assert.equal(headers.cookie, undefined);
      assert.equal(headers.authorization, undefined);
    }
    assert.match(visitor.page.url(), /model=owner(%2F|\/)plain/);
  });

  test("is opened by its name in the dialog, which says what is wrong with one", async () => {
    const { visitor, dialog, field } = await openDialog();
    assert.deepEqual(await violations(visitor.page, dialog), []);
    await field.fill("https://huggingface.co/datasets/owner/pictures");
    await dialog.getByRole("button", { name: "Open", exact: true }).click();
    await dialog.getByText(/is an address of the hub, but not of a model/).waitFor();
    await field.fill("https://huggingface.co/owner/plain/blob/main/unet/config.json");
    await field.press("Enter");
    await question(visitor).waitFor();
    await visitor.page.keyboard.press("Escape");
    await question(visitor).waitFor({ state: "detached" });
    assert.ok(await dialog.isVisible(), "who declines can choose another");
    assert.deepEqual(hub.asked, []);
    await field.press("Enter");
    await question(visitor).getByRole("button", { name: "Fetch it" }).click();
    await shows(visitor, /owner\/plain/);
    assert.ok(await dialog.isHidden());
    await visitor.leave();
  });

  test("is suggested", async () => {
    hub.repositories.set("1aurent/ddpm-mnist", {
      revisions: { main: commit("b") },
      commits: { [commit("b")]: plain },
    });
    const { visitor, dialog } = await openDialog();
    await dialog.getByRole("button", { name: "1aurent/ddpm-mnist" }).click();
    await question(visitor).getByRole("button", { name: "Fetch it" }).click();
    await shows(visitor, /1aurent\/ddpm-mnist/);
    await visitor.leave();
  });

  test("may lie in a folder, flat, under any name, at a revision", async () => {
    const flat = {
      "run 1/config.json": plain["unet/config.json"] ?? "",
      "run 1/scheduler_config.json": plain["scheduler/scheduler_config.json"] ?? "",
      "run 1/ema.safetensors": plain[WEIGHTS] ?? "",
      "optimizer.bin": "no weights",
    };
    const half = {
      "unet/config.json": flat["run 1/config.json"],
      "scheduler/scheduler_config.json": flat["run 1/scheduler_config.json"],
      "unet/diffusion_pytorch_model.bin": "not read",
      "unet/diffusion_pytorch_model.fp16.safetensors": flat["run 1/ema.safetensors"],
    };
    hub.repositories.set("owner/plain", {
      revisions: { main: commit("a"), "refs/pr/1": commit("c"), half: commit("d") },
      commits: { [commit("a")]: {}, [commit("c")]: flat, [commit("d")]: half },
    });
    const visitor = await opened("https://huggingface.co/owner/plain/tree/refs%2Fpr%2F1/run%201");
    await shows(visitor, /owner\/plain/);
    assert.match(
      decodeURIComponent(visitor.page.url()),
      /model=hf:owner\/plain@refs%2Fpr%2F1\/run 1$|model=hf:owner\/plain@refs%2Fpr%2F1\/run\+1/,
    );
    await visitor.leave();
    const other = await opened("owner/plain@half");
    await shows(other, /owner\/plain/);
    assert.deepEqual(
      hub.pathsOf("cdn.example").at(-1)?.split("/").at(-1),
      "diffusion_pytorch_model.fp16.safetensors",
    );
    await other.leave();
  });
});

describe("a model that the hub does not give", () => {
  test("is called gated, private, or missing", async () => {
    hub.repositories.set("owner/gated", {
      gated: true,
      revisions: { main: commit("a") },
      commits: { [commit("a")]: plain },
    });
    hub.repositories.set("owner/empty", {
      revisions: { main: commit("a") },
      commits: { [commit("a")]: { "README.md": "soon" } },
    });
    assert.match(
      await refusal("owner/gated"),
      /^The model owner\/gated is gated: huggingface\.co gives its files only to people/,
    );
    assert.match(
      await refusal("owner/none"),
      /^huggingface\.co has no public model owner\/none\. Check the spelling\./,
    );
    assert.match(await refusal("owner/plain@v9"), /^The model owner\/plain has no revision v9\.$/);
    assert.match(
      await refusal("hf:owner/plain/run"),
      /^The model owner\/plain has no folder run\/ in its revision main\.$/,
    );
    assert.match(
      await refusal("owner/empty"),
      /no unet\/config\.json or config\.json among the files \(1 file, README\.md\)/,
    );
  });
});

test("a download shows how much of it has arrived", async () => {
  let goOn = () => {};
  hub.pause.until = new Promise((resolve) => (goOn = resolve));
  const visitor = await opened("owner/plain");
  const { page } = visitor;
  await page.getByText("0.6 of 1.1 MB", { exact: true }).waitFor();
  const [part, whole] = await page
    .getByRole("progressbar", { name: "Loading" })
    .evaluate((bar) => [
      /** @type {HTMLProgressElement} */ (bar).value,
      /** @type {HTMLProgressElement} */ (bar).max,
    ]);
  assert.deepEqual([whole, part], [plain[WEIGHTS]?.length, Math.floor((whole ?? 0) / 2)]);
  goOn();
  await shows(visitor, /owner\/plain/);
  await page.getByText(/ of 1\.1 MB/).waitFor({ state: "hidden" });
  await visitor.leave();
});

describe("a download that breaks off", () => {
  test("goes on where it was, once", async () => {
    hub.breaks.left = 1;
    const visitor = await opened("owner/plain");
    await shows(visitor, /owner\/plain/);
    const [first, second, ...rest] = hub.asked.filter(({ host }) => host === "cdn.example");
    assert.deepEqual(rest, []);
    assert.equal(first?.headers.range, undefined);
    const half = Math.floor((plain[WEIGHTS]?.length ?? 0) / 2);
    assert.equal(second?.headers.range, `bytes=${half}-`);
    await visitor.page.context().close();
  });

  test("is given up the second time, or where the file is another by then", async () => {
    const says = /^unet\/diffusion_pytorch_model\.safetensors could not be fetched completely/;
    hub.breaks.left = 2;
    assert.match(await refusal("owner/plain"), says);
    assert.equal(hub.breaks.left, 0);
    Object.assign(hub.breaks, { left: 1, replaced: true });
    assert.match(
      await refusal("owner/plain"),
      /the connection broke off, and the server does not continue/,
    );
  });
});
