// What is no model is refused, whatever it is, and costs the visitor nothing.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { zipSync } from "fflate";
import { refusal, sizeOf, visitStill } from "./any-model.js";
import { root } from "./helpers.js";
import { changed, conformance, drop, filesOf, scratch } from "./models.js";
import { openSite } from "./site.js";

const site = openSite();

describe("what is no model", () => {
  test("is refused with a sentence, and the model before goes on", async (t) => {
    const visitor = await visitStill(site);
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
        /and only 2 of 3 are there/,
        await changed(t, "plain", {
          [weights]: null,
          "unet/a-00001-of-00003.safetensors": "",
          "unet/a-00002-of-00003.safetensors": "",
        }),
      ],
      [
        /2 files that could be the weights, such as/,
        await changed(t, "plain", {
          [weights]: null,
          "unet/a.safetensors": "",
          "unet/b.safetensors": "",
        }),
      ],
      [
        /unet\/config\.json.* 17 MB large, far more/,
        await changed(t, "plain", { [config]: " ".repeat(17e6) }),
      ],
      [/not text in UTF-8/, await changed(t, "plain", { [config]: Uint8Array.of(0xff, 0xfe, 0) })],
      [
        /model_index\.json: this is a pipeline of class LDMPipeline, which needs vqvae \(VQModel\)/,
        await changed(t, "plain", {
          "model_index.json": JSON.stringify({
            _class_name: "LDMPipeline",
            scheduler: ["diffusers", "DDIMScheduler"],
            unet: ["diffusers", "UNet2DModel"],
            vqvae: ["diffusers", "VQModel"],
          }),
        }),
      ],
      [
        /The weights use posix\.system, which no state dict needs/,
        await changed(t, "plain", {
          [weights]: null,
          "unet/diffusion_pytorch_model.bin": Buffer.concat([
            Buffer.from("8002 8a0a 6cfc9c46f9206aa85019 2e".replaceAll(" ", ""), "hex"),
            Buffer.from("\x80\x02M\xe9\x03.\x80\x02}.\x80\x02cposix\nsystem\n.", "latin1"),
          ]),
        }),
      ],
      [
        /Git LFS pointer/,
        await changed(t, "plain", { [weights]: "version https://git-lfs.github.com/spec/v1\n" }),
      ],
      [/This is a web page/, await changed(t, "plain", { [weights]: "<!doctype html><html>" })],
      [/The weights file is empty/, await changed(t, "plain", { [weights]: "" })],
      // The crate detects these, after the model before was put away.
      [/unet\/config\.json cannot be read/, await changed(t, "plain", { [config]: "<html>" })],
      [
        /The weights cannot be read.*a whole safetensors file/,
        await changed(t, "plain", { [weights]: new Uint8Array(3e6) }),
      ],
      [
        /_class_name = "UNet2DConditionModel", which walkback does not support/,
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
    // A picture is no model: it is for a figure, and none that takes one is in sight.
    await drop(visitor.page, picture);
    await visitor.page.getByText(/No figure on the page takes an image yet/).waitFor();
    await visitor.revealed();
    assert.deepEqual(await sizeOf(visitor), [28, 28]);
    await visitor.step.click();
    await visitor.reaches(1);
    await visitor.leave();
  });

  test("an archive that is damaged, far too large or lies about its size is refused", async (t) => {
    const visitor = await visitStill(site);
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
    assert.match(
      await refusal(visitor, await archive("empty.zip", zipSync({}))),
      /among the files \(no file at all\)/,
    );
    assert.match(
      await refusal(visitor, await archive("page.zip", Buffer.from("<!doctype html>"))),
      /^page\.zip is no zip: its download broke off, or it is something else under that name\.$/,
    );
    // 40 MB of blanks in 40 kB, where a few kilobytes belong.
    const bomb = { ...files, "unet/config.json": new Uint8Array(40e6).fill(32) };
    assert.match(
      await refusal(visitor, await archive("bomb.zip", zipSync(bomb, { level: 9 }))),
      /unet\/config\.json is 40 MB large, far more/,
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
      /archive is damaged: unet\/config\.json does not have the size/,
    );
    await visitor.revealed();
    await visitor.leave();
  });
});
