// @ts-check
/**
 * `cargo xtask data faces`: faces of 16 x 16 pixels in eight classes, drawn by DiceBear's "Pixel Art" (CC0 1.0).
 *
 * Every face is drawn from its name, such as `hat train 17`, so that the set is the same on every machine. No two are alike.
 *
 * Use: node faces.js FOLDER TRAIN TEST, with the number of faces of each class.
 */

import { createHash } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAvatar } from "@dicebear/core";
import * as pixelArt from "@dicebear/pixel-art";
import { Resvg } from "@resvg/resvg-js";

/** The style's own grid: a smaller or larger picture would blur it. */
const SIZE = 16;

/** @typedef {import("@dicebear/core").StyleOptions<import("@dicebear/pixel-art").Options>} Options */

/** @param {"hair" | "mouth"} part @param {string} start @returns {any[]} the style's variants of that name */
function variants(part, start) {
  const schema = /** @type {any} */ (pixelArt.schema.properties);
  return schema[part].default.filter((/** @type {string} */ name) => name.startsWith(start));
}

/** @param {string} kind @param {string[]} numbers @returns {any[]} */
const named = (kind, ...numbers) => numbers.map((number) => `${kind}${number}`);

const LONG = named("long", "01", "02", "03", "04", "07", "08", "09", "12", "13", "20", "21");
const SHORT = named("short", ..."01 02 04 06 08 09 10 14 15 16 17 22".split(" "));
const NATURAL = "cab188 603a14 83623b a78961 611c17 603015 612616 28150a".split(" ");

/** What all faces share: they smile, and stand before a pale colour. @type {Partial<Options>} */
const COMMON = {
  size: SIZE,
  mouth: variants("mouth", "happy"),
  hairColor: NATURAL,
  hatColor: ["2663a3", "3d8a6b", "cc6192", "614f8a", "a62116", "e0a526"],
  backgroundColor: ["fff4d6", "ffe0e0", "e0f0ff", "e2f6e0", "efe4ff", "ffffff"],
  glassesProbability: 0,
  hatProbability: 0,
  beardProbability: 0,
  accessoriesProbability: 10,
};

/** What tells each class from the others. @type {Record<string, Partial<Options>>} */
export const CLASSES = {
  braids: { hair: named("long", "06", "18", "19") },
  "bright hair": { hairColor: ["ff5fa2", "009bbd", "91cb15", "8e44ad", "ff8c1a"] },
  buns: { hair: named("long", "05", "14") },
  curls: { hair: ["long15", "short11", "short13"] },
  glasses: { hair: [...LONG, ...SHORT], glassesProbability: 100 },
  hat: { hair: [...LONG, ...SHORT], hatProbability: 100 },
  "long hair": { hair: LONG },
  "short hair": { hair: SHORT },
};

/**
 * A face, as pixels and as a PNG.
 * @param {string} kind its class
 * @param {string} name
 */
function face(kind, name) {
  // DiceBear's generator gives similar faces for similar seeds, such as 17 and 18; those of hashes have nothing in common.
  const seed = createHash("sha256").update(name).digest("hex");
  const avatar = createAvatar(pixelArt, { ...COMMON, ...CLASSES[kind], seed });
  const picture = new Resvg(avatar.toString(), { font: { loadSystemFonts: false } }).render();
  return { pixels: picture.pixels.toString("latin1"), png: picture.asPng() };
}

/**
 * Draws the whole set beside `folder`, then puts it in its place: an interrupted run leaves none that looks complete.
 * @param {string} folder
 * @param {Record<"train" | "test", number>} counts
 */
async function draw(folder, counts) {
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const seen = new Set();
  for (const [split, count] of Object.entries(counts)) {
    for (const kind of Object.keys(CLASSES)) {
      const within = join(unfinished, split, kind);
      await mkdir(within, { recursive: true });
      const writes = [];
      for (let number = 0; writes.length < count; number++) {
        const { pixels, png } = face(kind, `${kind} ${split} ${number}`);
        if (seen.has(pixels)) {
          continue;
        }
        seen.add(pixels);
        writes.push(writeFile(join(within, `${number}.png`), png));
        if (writes.length % 256 === 0) {
          await Promise.all(writes);
        }
      }
      await Promise.all(writes);
    }
  }
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
  console.log(`${folder}: ${seen.size} faces of ${SIZE} x ${SIZE} pixels, no two alike`);
}

const [folder, train, test] = process.argv.slice(2);
if (!folder || !(Number(train) > 0) || !(Number(test) > 0)) {
  console.error("use: node faces.js FOLDER TRAIN TEST");
  process.exit(2);
}
await draw(folder, { train: Number(train), test: Number(test) });
