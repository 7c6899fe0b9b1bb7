// What people have in their clipboard names a model of the hub, wherever they copied it. It needs no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { modelAt } from "../../web/models/address.js";
import { hubName, written } from "../../web/models/hub.js";
import { root } from "./helpers.js";

/** Read by crate/tests/hub.rs too. */
const { names, others, wrong } = JSON.parse(
  await readFile(path.join(root, "tests", "conformance", "hub-names.json"), "utf8"),
);

test("every way to write a model down names it", () => {
  for (const [text, repo, revision, folder] of names) {
    const name = hubName(text);
    assert.deepEqual(name, { repo, revision, folder }, text);
    assert.deepEqual(hubName(written(name)), name, `${text}, as the page writes it`);
  }
});

test("what is no name of the hub is left to others, or refused", () => {
  for (const text of others) assert.equal(hubName(text), null, text);
  for (const text of wrong) assert.throws(() => hubName(text), /^Error: ".*\.$/, text);
});

const PAGE = "https://walkback.example/demo/";

test("what is copied along with a name is no part of it", () => {
  for (const text of [
    "owner/name",
    ` "owner/name", `,
    "'owner/name'",
    "`owner/name`",
    "<https://huggingface.co/owner/name>",
    "https://huggingface.co/owner/name.git",
    "git clone https://huggingface.co/owner/name",
    "git clone https://huggingface.co/owner/name.git here",
    `pipe = DDPMPipeline.from_pretrained("owner/name", torch_dtype=torch.float16)`,
  ]) {
    assert.deepEqual(modelAt(text, PAGE).hub, hubName("owner/name"), text);
  }
});

test("the address of one of a model's files is that of its folder", () => {
  for (const file of [
    "",
    "/",
    "/unet/config.json",
    "/model_index.json?download=true",
    "/scheduler/scheduler_config.json",
    "/unet/diffusion_pytorch_model.safetensors",
  ]) {
    const { base } = modelAt(`https://models.example/mine.v1${file}`, PAGE);
    assert.equal(base, "https://models.example/mine.v1/", file);
  }
});

test("what is no address of a model is called what it is", () => {
  for (const path of [
    "C:\\models\\mine",
    "D:/mine",
    "~/mine",
    "\\\\server\\mine",
    "file:///mine",
  ]) {
    assert.throws(() => modelAt(path, PAGE), /" lies on your computer: choose the folder there/);
  }
  for (const path of ["https://models.example/mine.zip", "mine/model.tar.gz?x=1"]) {
    assert.throws(() => modelAt(path, PAGE), /" is an archive: download it, and drop it here\.$/);
  }
});
