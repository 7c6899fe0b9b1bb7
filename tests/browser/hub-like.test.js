// Servers with a model that are no hub: what they answer for files that they do not have, and what is looked for there.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { shows, still } from "./any-model.js";
import { openHub, STATIC } from "./hub-site.js";
import { conformance, filesOf } from "./models.js";
import { openSite } from "./site.js";

const hub = await openHub();
after(() => hub.close());
const site = openSite({ flags: hub.flags });

const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
const plain = await filesOf(conformance("plain"));
/** What is needed of it, and no more. */
const needed = {
  "unet/config.json": plain["unet/config.json"] ?? "",
  "scheduler/scheduler_config.json": plain["scheduler/scheduler_config.json"] ?? "",
  [WEIGHTS]: plain[WEIGHTS] ?? "",
};
const page = "<!doctype html><title>Hello</title>";

/**
 * Opens a folder of the static server.
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string | Uint8Array>} files
 * @param {import("./hub-site.js").Answer | null} missing what it answers for others
 */
async function visit(t, files, missing) {
  hub.serve((path) => {
    const body = files[path.replace("/model/", "")];
    return body === undefined ? missing : { body };
  });
  const address = encodeURIComponent(`https://${STATIC}/model`);
  const visitor = await site.visitWith(t, {}, `?device=cpu&model=${address}`, {
    allowed: hub.allowed,
    ...still,
  });
  await visitor.page.getByRole("button", { name: "Fetch it" }).click();
  return visitor;
}

for (const [name, missing] of /** @type {const} */ ([
  ["404 that other sites may not read", { status: 404, closed: true }],
  ["403", { status: 403 }],
  ["401", { status: 401 }],
  ["410", { status: 410 }],
  ["a web page for everything", { body: page }],
])) {
  test(`a file that may be missing is, where the server answers ${name}`, async (t) => {
    const visitor = await visit(t, needed, missing);
    await shows(visitor, /It comes from static\.example/);
  });
}

test("the flat layout and other forms of the weights are looked for in their order", async (t) => {
  const flat = {
    "config.json": needed["unet/config.json"],
    "scheduler_config.json": needed["scheduler/scheduler_config.json"],
    "diffusion_pytorch_model.fp16.safetensors": needed[WEIGHTS],
    "diffusion_pytorch_model.bin": "never read",
  };
  const visitor = await visit(t, flat, { body: page });
  await shows(visitor, /It comes from static\.example/);
  assert.ok(!hub.pathsOf(STATIC).includes("/model/diffusion_pytorch_model.bin"));
});

test("a file that is needed and missing is named", async (t) => {
  const { [WEIGHTS]: _, ...others } = needed;
  const visitor = await visit(t, others, { body: page });
  await visitor.failure.waitFor();
  assert.match(
    (await visitor.failure.textContent()) ?? "",
    /unet\/diffusion_pytorch_model\.safetensors could not be fetched: the server sent a web page in its place\./,
  );
});
