// What hangs says so, and what failed works when it is tried again.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSite } from "./site.js";

const site = openSite();

/** A WebAssembly module whose start never ends: a loop that only jumps back. */
const ENDLESS = Buffer.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  // A type without parameters and results, a function of it, which is called at the start.
  ...[1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0],
  ...[10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11],
]);

/** Time that a test can put forward. @type {import("./visitor.js").Arrival} */
const TIMED = { reducedMotion: "reduce", prepare: (context) => context.clock.install() };

describe("the page", () => {
  test("says that a module hangs which never starts, and starts when it is tried again", async (t) => {
    const code = "/web/pkg/cpu/walkback_bg.wasm";
    /** @type {Record<string, import("./helpers.js").Answer>} */
    const instead = { [code]: { body: ENDLESS } };
    const visitor = await site.visitWith(t, instead, "?device=cpu#steps=10&at=0", TIMED);
    const { page } = visitor;
    const hangs = page.getByText(/Nothing has happened for 20 seconds\. .* or it hangs\./);
    await page.getByText("Fetching the model").waitFor();
    assert.ok(await hangs.isHidden());
    // Each piece of the download begins the 20 seconds again.
    await visitor.until(async () => {
      await page.clock.fastForward(20_000);
      return hangs.isVisible();
    });
    delete instead[code];
    await hangs.getByRole("link", { name: "Try again" }).click();
    await visitor.revealed();
    assert.ok(await hangs.isHidden());
  });

  test("says that a step hangs which is never answered", async (t) => {
    const visitor = await site.visitWith(t, {}, "?device=cpu#steps=10&at=0", {
      ...TIMED,
      async prepare(context) {
        await context.clock.install();
        await context.addInitScript(() => {
          const send = Worker.prototype.postMessage;
          Worker.prototype.postMessage = function (
            /** @type {any} */ message,
            /** @type {any} */ more,
          ) {
            if (message?.method === "step" && Object(globalThis).hangs === true) return;
            send.call(this, message, more);
          };
        });
      },
    });
    await visitor.rests(0);
    const { page } = visitor;
    await page.evaluate(() => Object.assign(globalThis, { hangs: true }));
    await visitor.step.click();
    await page.clock.fastForward(20_000);
    const notice = page.getByText("The network has not answered for half a minute.");
    assert.ok(await notice.isHidden());
    await page.clock.fastForward(12_000);
    await notice.waitFor();
  });

  for (const [name, file, says] of /** @type {const} */ ([
    [
      "weights",
      "/pretrained/mnist/unet/diffusion_pytorch_model.safetensors",
      /could not be fetched/,
    ],
    ["code", "/web/pkg/cpu/walkback_bg.wasm", /could not be fetched/],
    ["worker", "/web/worker.js", /could not be started/],
  ])) {
    test(`has the ${name} that could not be fetched when it is tried again`, async (t) => {
      /** @type {Record<string, import("./helpers.js").Answer>} */
      const instead = { [file]: { status: 503 } };
      const visitor = await site.visitWith(t, instead, "?device=cpu#steps=10&seed=7&at=2", {
        reducedMotion: "reduce",
      });
      await visitor.failure.getByText(says).waitFor();
      delete instead[file];
      await visitor.page.getByRole("link", { name: "Try again" }).click();
      await visitor.rests(2);
      assert.equal(await visitor.seed.inputValue(), "7");
    });
  }

  test("says where a part cannot be loaded that comes after the first image, and loads it when it is asked for again", async (t) => {
    const file = "/web/page/other-models.js";
    /** @type {Record<string, import("./helpers.js").Answer>} */
    const instead = { [file]: { status: 503 } };
    const visitor = await site.visitWith(t, instead, "?device=cpu#steps=10", {
      reducedMotion: "reduce",
    });
    await visitor.revealed();
    const { page } = visitor;
    const opener = page.getByRole("button", { name: "Open a model" });
    await opener.click();
    await page.getByText(/^A part of the page could not be loaded \(other-models\.js\)/).waitFor();
    delete instead[file];
    await opener.click();
    await page.getByRole("dialog", { name: "Open a model" }).waitFor();
  });

  test("leaves its own model as a way out where another cannot be fetched", async (t) => {
    const visitor = await site.visitWith(t, {}, "?device=cpu&model=nowhere#steps=10");
    await visitor.failure.getByText(/nowhere/).waitFor();
    await visitor.page.getByRole("link", { name: "Use this page’s own model" }).click();
    await visitor.revealed();
    assert.equal(new URL(visitor.page.url()).searchParams.has("model"), false);
  });
});
