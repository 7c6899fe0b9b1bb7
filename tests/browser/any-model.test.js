// Models that are not the page's own: dropped, chosen, behind an address, in the menu.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { zipSync } from "fflate";
import { violations } from "./accessibility.js";
import { launch, root, screenshots, serve } from "./helpers.js";
import { changed, cifarFolder, conformance, drag, drop, filesOf, scratch } from "./models.js";
import { visit as openPage, Visitor } from "./visitor.js";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;

before(async () => {
  browser = await launch({ webgpu: false });
  server = await serve();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * Nothing plays by itself, so that the tests wait for what they ask for.
 * @param {string} [address]
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
const visit = (address = "?device=cpu", options) =>
  openPage(browser, server.url + address, { reducedMotion: "reduce", ...options });

/** The line that says which model it is. @param {Visitor} visitor */
const bar = ({ page }) => page.getByRole("group", { name: "The model" });

/** Waits for a model to be shown. @param {Visitor} visitor @param {RegExp} words of its line */
async function shows(visitor, words) {
  await visitor.until(async () => words.test(await bar(visitor).innerText()), 90_000);
  await visitor.revealed(90_000);
}

/** Height and width of the picture itself. @param {Visitor} visitor */
const sizeOf = ({ xt }) =>
  xt
    .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).height)
    .then(async (height) => [
      height,
      await xt.evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).width),
    ]);

/**
 * The red, green and blue values of the first frame of a picture, each pixel once.
 * @param {import("playwright-core").Page} page
 * @param {Buffer} file
 * @param {string} type
 * @param {number} scale how many pixels each pixel has become
 * @returns {Promise<number[][]>}
 */
const coloursOf = (page, file, type, scale) =>
  page.evaluate(
    async ([base64, type, scale]) => {
      const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([data], { type }));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      if (context === null) throw new Error("no context");
      context.drawImage(bitmap, 0, 0);
      const { data: rgba } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      /** @type {number[][]} */
      const channels = [[], [], []];
      for (let y = 0; y < bitmap.height; y += scale) {
        for (let x = 0; x < bitmap.width; x += scale) {
          channels.forEach((values, i) => values.push(rgba[4 * (y * bitmap.width + x) + i] ?? NaN));
        }
      }
      return channels;
    },
    /** @type {const} */ ([file.toString("base64"), type, scale]),
  );

/** @param {number[]} one @param {number[]} other */
const meanDifference = (one, other) =>
  one.reduce((sum, value, i) => sum + Math.abs(value - (other[i] ?? NaN)), 0) / one.length;

describe("a model that is dropped", () => {
  test("is shown in its size and colours, one after the other", async (t) => {
    const visitor = await visit();
    const { page } = visitor;
    assert.ok(await bar(visitor).isHidden(), "of the page's one own model nothing need be said");

    await drop(page, await changed(t, "cifar_style", {}, "cifar_style"));
    await shows(visitor, /cifar_style/);
    assert.match((await bar(visitor).textContent()) ?? "", /32 × 32 in colour, without classes/);
    assert.deepEqual(await sizeOf(visitor), [32, 32]);
    await visitor.step.click();
    await visitor.reaches(1);
    for (const picture of [visitor.xt, visitor.x0, visitor.eps]) {
      const [red, green, blue] = await Promise.all(
        [0, 1, 2].map((channel) => visitor.pixels(picture, channel)),
      );
      assert.notDeepEqual(red, green);
      assert.notDeepEqual(green, blue);
    }
    assert.equal(await page.getByRole("radio", { name: "any", exact: true }).count(), 0);

    await drop(page, await changed(t, "learned_variance", {}, "learned_variance"));
    await shows(visitor, /learned_variance/);
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    assert.equal((await visitor.position()).position, 0, "a new walk");
    await visitor.step.click();
    await visitor.reaches(1);
    assert.deepEqual(
      await visitor.pixels(visitor.xt, 0),
      await visitor.pixels(visitor.xt, 2),
      "grey again",
    );

    await drop(page, await changed(t, "class_conditional", {}, "class_conditional"));
    await shows(visitor, /of 11 classes/);
    assert.deepEqual(await sizeOf(visitor), [16, 16]);
    await visitor.digit("7").check();
    await visitor.step.click();
    await visitor.reaches(1);
    await page.getByRole("img", { name: /guess of the clean image of 7, at t = / }).waitFor();

    await bar(visitor).getByRole("button", { name: "Back to mnist" }).click();
    await bar(visitor).waitFor({ state: "hidden", timeout: 60_000 });
    await visitor.revealed();
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    await visitor.leave();
  });

  test("is taken from a zip, from loose files, and from what is chosen in the dialog", async (t) => {
    const visitor = await visit();
    const { page } = visitor;
    const folder = await scratch(t);
    // As a system's own tools pack it: in a folder, with files of its own beside.
    const files = await filesOf(await changed(t, "plain", {}));
    const packed = Object.fromEntries(
      Object.entries(files).flatMap(([name, content]) => [
        [`plain/${name}`, content],
        [`__MACOSX/plain/._${name}`, new Uint8Array(8)],
      ]),
    );
    const archive = path.join(folder, "small model.zip");
    await writeFile(archive, zipSync(packed, { level: 1 }));
    await drop(page, archive);
    await shows(visitor, /small model/);

    await bar(visitor).getByRole("button", { name: "Back to mnist" }).click();
    await bar(visitor).waitFor({ state: "hidden", timeout: 60_000 });
    await page.keyboard.press("Tab");
    const opener = page.getByRole("button", { name: "Open a model" });
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Open a model" });
    assert.deepEqual(await violations(page, dialog), []);
    const loose = path.join(folder, "loose");
    await mkdir(loose);
    const parts = {
      "config.json": files["unet/config.json"],
      "scheduler_config.json": files["scheduler/scheduler_config.json"],
      "my weights.safetensors": files["unet/diffusion_pytorch_model.safetensors"],
    };
    for (const [name, content] of Object.entries(parts)) {
      await writeFile(path.join(loose, name), content ?? "");
    }
    const choosing = page.waitForEvent("filechooser");
    await dialog.getByRole("button", { name: "Choose files or a zip" }).press("Enter");
    await (await choosing).setFiles(Object.keys(parts).map((name) => path.join(loose, name)));
    await shows(visitor, /your files/);
    assert.ok(await dialog.isHidden());

    await opener.click();
    const choosingFolder = page.waitForEvent("filechooser");
    await dialog.getByRole("button", { name: "Choose a folder" }).click();
    await (await choosingFolder).setFiles(await changed(t, "plain", {}, "a folder"));
    await shows(visitor, /a folder/);
    await visitor.leave();
  });

  test("lets figures begin with an image of the visitor's own where digits are none to it", async (t) => {
    const visitor = await visit();
    const { page } = visitor;
    await drop(page, await changed(t, "cifar_style", {}, "cifar_style"));
    await shows(visitor, /cifar_style/);
    const picture = path.join(root, "docs", "page.png");
    for (const [heading, shown] of /** @type {const} */ ([
      ["How it learned", /^What is shown: your image with noise, at t = 400/],
      ["One noisy image, many answers", /^Your image, noised to t = 600/],
      ["If you knew the answer", /^Knowing the answer, at t = /],
    ])) {
      const section = await visitor.goTo(heading);
      await section.getByText(/this model knows images of 32 × 32 in colour/).waitFor();
      await section.getByLabel("Open an image").setInputFiles(picture);
      await section.getByRole("img", { name: "Your image, 32 × 32 pixels" }).waitFor();
      const noised = section.getByRole("img", { name: shown }).first();
      await noised.waitFor({ timeout: 60_000 });
      assert.notDeepEqual(await visitor.pixels(noised, 0), await visitor.pixels(noised, 2));
      assert.deepEqual(await violations(page, section), []);
    }
    const files = await visitor.goTo("Take it with you");
    await files.getByText(/The model comes from your files and is not part of the link/).waitFor();
    await files.getByRole("radio", { name: "small" }).check();
    const state = [0, 1, 2].map((channel) => visitor.pixels(visitor.xt, channel));
    const [red, green, blue] = await Promise.all(state);
    for (const [name, type] of /** @type {const} */ ([
      ["PNG of this frame", "image/png"],
      ["GIF of the walk", "image/gif"],
    ])) {
      const coming = page.waitForEvent("download");
      await files.getByRole("button", { name }).click();
      const file = await readFile(await (await coming).path());
      const decoded = await coloursOf(page, file, type, 4);
      if (type === "image/png") assert.deepEqual(decoded, [red, green, blue]);
      for (const [channel, values] of decoded.entries()) {
        const apart = [red, green, blue].map((other) => meanDifference(values, other ?? []));
        // Of a GIF's frame only 256 colours are left; noise has all there are.
        assert.ok((apart[channel] ?? NaN) < 30, `${name}: ${apart}`);
        assert.equal(Math.min(...apart), apart[channel], `${name}: ${apart}`);
      }
    }
    const bent = await visitor.goTo("Fill a gap");
    await bent
      .getByText(/begins with a real handwritten digit/)
      .first()
      .waitFor();
    await visitor.leave();
  });

  test("has names that are words, whatever stands in them", async (t) => {
    const attack = `<img src=x onerror="document.title='taken'">`;
    const names = [
      attack,
      "   ",
      "a long name ".repeat(20),
      "‮back",
      "plain",
      ...Array(5).fill(attack),
    ];
    const model = await changed(
      t,
      "class_conditional",
      { "labels.json": JSON.stringify({ names, null: 10 }) },
      "<b onclick=alert(1)>bold",
    );
    const visitor = await visit();
    const { page } = visitor;
    const title = await page.title();
    await drop(page, model);
    await shows(visitor, /of 10 classes/);
    assert.match((await bar(visitor).textContent()) ?? "", /<b onclick=alert\(1\)>bold/);
    const group = page.getByRole("form").getByRole("group", { name: "Class" });
    assert.equal(await group.getByRole("radio").count(), 11);
    await group.getByRole("radio", { name: attack, exact: true }).first().check();
    await page
      .getByRole("img", { name: `of ${attack}, at t =` })
      .first()
      .waitFor();
    await group.getByRole("radio", { name: "1", exact: true }).check();
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
    await visitor.goTo("A wall of digits");
    await visitor.goTo("Take it with you");
    assert.equal(await page.locator("img, b").count(), 0, "no name became an element");
    assert.equal(await page.title(), title);

    const broken = path.join(await scratch(t), `${attack.replaceAll("/", "")}.bin`);
    await writeFile(broken, "pickle");
    await drop(page, broken);
    await page.getByRole("alert").getByText(attack).waitFor();
    assert.equal(await page.locator("img, b").count(), 0);
    assert.equal(await page.title(), title);
    await visitor.leave();
  });

  test("may be as large as google/ddpm-cifar10-32, flat and with the older names", async (t) => {
    const { files, parameters } = cifarFolder();
    assert.equal(parameters, 35_746_307);
    const folder = path.join(await scratch(t), "ddpm-cifar10-32");
    await mkdir(folder);
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(folder, name), content);
    }
    const visitor = await visit();
    await drop(visitor.page, folder);
    await shows(visitor, /35\.7 million parameters, images of 32 × 32 in colour/);
    await visitor.step.click();
    await visitor.reaches(1, 120_000);
    assert.ok(new Set(await visitor.pixels(visitor.xt)).size > 50);
    await visitor.leave();
  });
});

/**
 * What the page says of a model that it cannot open.
 * @param {Visitor} visitor
 * @param {...string} paths
 */
async function refusal(visitor, ...paths) {
  const alert = visitor.page.getByRole("alert");
  await drop(visitor.page, ...paths);
  // The alert before is taken away when the next model is looked at.
  await visitor.page.waitForTimeout(50);
  await alert.waitFor({ timeout: 60_000 });
  return (await alert.textContent()) ?? "";
}

describe("what is no model", () => {
  test("is refused with a sentence, and the model before goes on", async (t) => {
    const visitor = await visit();
    const config = "unet/config.json";
    const weights = "unet/diffusion_pytorch_model.safetensors";
    const plain = await readFile(path.join(conformance("plain"), config), "utf8");
    const folder = await scratch(t);
    const picture = path.join(folder, "cat.png");
    await writeFile(picture, await readFile(path.join(root, "docs", "page.png")));
    /** @type {[RegExp, ...string[]][]} */
    const cases = [
      [
        /no scheduler\/scheduler_config\.json/,
        await changed(t, "plain", { "scheduler/scheduler_config.json": null }),
      ],
      [
        /no unet\/diffusion_pytorch_model\.safetensors: the weights are missing/,
        await changed(t, "plain", { [weights]: null }),
      ],
      [
        /diffusion_pytorch_model\.bin is not opened.*[Cc]onvert to safetensors/,
        await changed(t, "plain", {
          [weights]: null,
          "unet/diffusion_pytorch_model.bin": "pickle",
        }),
      ],
      [
        /split into several files/,
        await changed(t, "plain", {
          [weights]: null,
          "unet/a-00001.safetensors": "",
          "unet/a-00002.safetensors": "",
        }),
      ],
      [/no unet\/config\.json.*1 file, cat\.png/, picture],
      [
        /unet\/config\.json.* 17 MB, far more/,
        await changed(t, "plain", { [config]: " ".repeat(17e6) }),
      ],
      [/no text in UTF-8/, await changed(t, "plain", { [config]: Uint8Array.of(0xff, 0xfe, 0) })],
      // These are found out by the crate, after the model before was put away.
      [/unet\/config\.json cannot be read/, await changed(t, "plain", { [config]: "<html>" })],
      [/safetensors/, await changed(t, "plain", { [weights]: new Uint8Array(3e6) })],
      [
        /UNet2DModel/,
        await changed(t, "plain", {
          [config]: plain.replace("UNet2DModel", "UNet2DConditionModel"),
        }),
      ],
    ];
    for (const [says, ...paths] of cases) {
      const sentence = await refusal(visitor, ...paths);
      assert.match(sentence, says);
      assert.match(sentence, /^\S.{15,}[.!?]$/s, "a sentence");
    }
    await visitor.revealed();
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    await visitor.step.click();
    await visitor.reaches(1);
    await visitor.leave();
  });

  test("an archive that is damaged, far too large or lies about its size is refused", async (t) => {
    const visitor = await visit();
    const folder = await scratch(t);
    /** @param {string} name @param {Uint8Array} bytes */
    const archive = async (name, bytes) => {
      const file = path.join(folder, name);
      await writeFile(file, bytes);
      return file;
    };
    const files = await filesOf(await changed(t, "plain", {}));
    const whole = zipSync(files, { level: 1 });
    assert.match(
      await refusal(visitor, await archive("cut.zip", whole.subarray(0, whole.length / 2))),
      /archive cannot be unpacked/,
    );
    assert.match(
      await refusal(
        visitor,
        await archive("other.zip", zipSync({ "notes.txt": new Uint8Array(9) })),
      ),
      /no unet\/config\.json.*1 file, notes\.txt/,
    );
    // 40 MB of blanks in 40 kB, where a few kilobytes belong.
    const bomb = { ...files, "unet/config.json": new Uint8Array(40e6).fill(32) };
    assert.match(
      await refusal(visitor, await archive("bomb.zip", zipSync(bomb, { level: 9 }))),
      /unet\/config\.json has 40 MB, far more/,
    );
    // The same, and the archive says that it is 100 bytes.
    const liar = zipSync({ ...bomb }, { level: 9 });
    const claims = Buffer.alloc(4);
    claims.writeUInt32LE(40e6);
    for (let at = liar.length; (at = Buffer.from(liar).lastIndexOf(claims, at - 1)) > 0;) {
      new DataView(liar.buffer, liar.byteOffset).setUint32(at, 100, true);
    }
    assert.match(
      await refusal(visitor, await archive("liar.zip", liar)),
      /archive is damaged: unet\/config\.json is not as large as it says/,
    );
    await visitor.revealed();
    await visitor.leave();
  });
});

const elsewhere = "https://models.example";

/**
 * Opens the page with ?model= on another origin that serves a model, and answers what is asked.
 * @param {import("node:test").TestContext} t
 * @param {readonly string[]} allowed
 */
async function visitElsewhere(t, allowed) {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  t.after(() => context.close());
  const visitor = new Visitor(await context.newPage(), allowed);
  /** @type {string[]} */
  const asked = [];
  await context.route(`${elsewhere}/**`, async (route) => {
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
  });
  const address = encodeURIComponent(`${elsewhere}/owner/plain/resolve/main`);
  await visitor.page.goto(`${server.url}?device=cpu&model=${address}#seed=7`);
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
    const site = await serve(flat);
    t.after(site.close);
    const context = { reducedMotion: /** @type {const} */ ("reduce") };
    for (const model of ["tests/conformance/cifar_style/", "/mine/old"]) {
      const visitor = await openPage(browser, `${site.url}?device=cpu&model=${model}`, context);
      await shows(visitor, /It comes from this site/);
      await visitor.page.context().close();
    }
  });

  test("that cannot be is replaced by the page's own, which is said", async () => {
    for (const [model, says] of [
      ["http://models.example/", /over https only/],
      ["javascript:alert(1)", /over https only/],
      ["https://me:secret@models.example/", /name and password/],
      ["https://", /no name and no address/],
    ]) {
      const visitor = await visit(`?device=cpu&model=${encodeURIComponent(String(model))}`);
      await visitor.page.getByText(says).waitFor();
      await visitor.page.getByText(/It is the page's own here\./).waitFor();
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
  const site = await serve(instead);
  t.after(site.close);
  const visitor = await openPage(browser, `${site.url}?device=cpu`, { reducedMotion: "reduce" });
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
  await visitor.page.context().close();
});

for (const [width, colorScheme] of /** @type {const} */ ([
  [1280, "light"],
  [390, "dark"],
])) {
  test(`all of it fits into ${width} pixels, ${colorScheme}`, async (t) => {
    const visitor = await visit("?device=cpu", { viewport: { width, height: 844 }, colorScheme });
    const { page } = visitor;
    await mkdir(screenshots, { recursive: true });
    /** @param {string} name */
    const shot = async (name) => {
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(overflow <= 0, `${name}: the page is ${overflow} pixels too wide`);
      const file = `model-${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(screenshots, file) });
    };
    const model = await changed(t, "cifar_style", {}, "cifar_style");
    const hover = await drag(page, [model]);
    await page.getByText("Drop a model").waitFor();
    await shot("drag");
    await hover.away();
    await page.getByText("Drop a model").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Open a model" }).click();
    await shot("dialog");
    await page.getByRole("button", { name: "Close" }).click();
    await drop(page, model);
    await shows(visitor, /cifar_style/);
    assert.deepEqual(await violations(page, bar(visitor)), []);
    await shot("colour");
    await refusal(visitor, await changed(t, "plain", { "scheduler/scheduler_config.json": null }));
    assert.deepEqual(await violations(page, bar(visitor)), []);
    await shot("refused");
    await visitor.leave();
  });
}
