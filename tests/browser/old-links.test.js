// Links that were made before still give the same pictures. CONTRIBUTING.md promises it for the names in the address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { properties } from "../../web/settings/list.js";
import { openSite } from "./site.js";

const site = openSite();

/** The grey values of two pictures of docs/page.png, as it was on 22 November 2026. */
const THEN = {
  link: "#label=3&seed=7&steps=50&guidance=1&sampler=ddpm&spacing=leading&speed=1&at=33",
  xt: [
    "LUEOsgAAAAByAAB5LuuQqwBGD16onP9iYzwAAAAAeAAjhzNtb5K2AACJAKVNVdq3AF8AkxoAWAAAADoAAAAFXMwA",
    "egZrAF6YABmMAF1PAAAAmQ4AI1UAgQYAADUAS2IABQCm/xKZ/1sAMgAAgXmHSQDbr0QAbABHAJUAAFIAO6aBJABI",
    "migslC3HQkQAwI3PLQA0AIG9AP/RAFwAeqEF5QDRAFmpAoz/TwAAE6wAqn4AAABCADWDAMqcKP0AYJIAAAB4EaQA",
    "AAAAV+MAJwCALf9r/4e/IbT/NgBA6KQArm8AGSgAPLL/AFsT4XLakwAAVv98ABk44UE7MwAETBFkACMpy6c4ciEK",
    "SYnVavq//3cAAAAHgABLpAAAAABBBAwtAAAdAAA7RZT/ACwEW3sQ0QAApAAAAAAAXwAZAABjT3YADR4TACdgZav/",
    "AAApACd+ugBXAAAAhwBRjgDg/yazAKkAEpEAuQAYACjMYiJkWABaJICv1wBW/8Dqpk4ARL8JS3Yuht1OAJgA8Dex",
    "AAAAXABrAFUAZoH/Yn8jWxgAABUQNodeSgAA/wAAAADFJgAAD0EOAP+xAEw6wVLFACizMgBOggA/RBKwAJkSmFwA",
    "AKiT//8AAD9YAEAAAAAAADIwAJUAADI9AAAxAAAAMf8bMf8AXRoASVbQERflAJJlWQC1AH5FAADX6v9VKBBocgBc",
    "Aw0AdACpABkAAA0AmlAAJE8AsMMoUm9JZAAAYwIArW9RAA9RaSeiAAAa1LbKfH4A/7sAh5x8AACMEQAAADgAAFqR",
    "qHD2nl0AgIwU9f/hIwCxAJ+K0hiiHxh3BgAAAFuCtun/UABC/1VAAAAACT8AHik3TuFXgBp5ABD/AAAAU1SWTf8A",
    "EACihF4ASrV5ACIHAJEhmABJfYSUqv+Q+R2DAH1fAABCAAAATXgAsJjmRgAAAKEASXNLNwBoHy4AACcAUTgAJjpa",
    "QkRPZwAAAAAPAGWPgEMAAJYASQAAjJAYMwh4FR+zX1YAPTQATBpINgAAAAIA/1mWtpAvCwBzgAC6hg==",
  ],
  x0: [
    "AAEBAAAAAAAAAAAAAQEBAQEAAgAAAAAAAAAAAAIBAAABAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAgABAQEBAAAB",
    "AAAAAQAAAAABAgEAAAABAAAAAAAAAAEBAQABAQAAAQEAAAACAwQBAQEAAAAAAAIAAAEAAAAAAQABBAUBAAAAAwoK",
    "AQEAAAEAAQABAAAAAAEAAQAAAwMDAgMUWpeWZAoAAAEBAQABAAABAAAAAAAAAQMJDydRl83V2bseAgAAAQEAAAAB",
    "AgAAAAABAQkuYqTRzqd2g+C3FAEDAQABAAAAAQABAAAAAQcfcKytdTIUMbjoXAMBAAEAAAEAAAAAAAAAAAAGEicq",
    "Fw4ZTMPsegsBAQEAAAEAAAAAAQAAAAAAAgQEAgEbcNXIUQkAAAIBAAABAAAAAQEAAAABAAEBAw01hbB0GAIBAQAA",
    "AQEBAAAAAAAAAQIAAAAABSODytF9DgABAgABAAABAQAAAAAAAAEAAAAAAAlBs+Tr2okZAAABAQABAAAAAAAAAAAA",
    "AAAAAAACDSI5VZnlvSYBAAAAAAEBAAAAAAEBAAABAAAAAAABAAAMVOatDQAAAAAAAAAAAAAAAAAAAQAAAAAAAAAA",
    "AAOJ3jMAAQEAAAEBAAAAAAECAQAAAAAAAQAAAgIFdu5OAgABAAABAAAAAQEAAQAAAAEAAQEDBQcOJpHeQwECAQAA",
    "AAAAAAEAAQEBAQMBAQQIDRoyPTKdwyICAQEAAAEAAAAAAQEBAAQGAwwYNUtbSh4/3IcLAAAAAAEAAAAAAAEBAQEE",
    "CRQ+X1MrGQ8lzdkqAQAAAQAAAAAAAAAAAQEBAQcRQWxGFBFFyu5SBQICAQAAAAEAAAAAAAAAAAAABhZCaG+u6sxO",
    "AwACAAAAAAAAAQAAAAAAAAAAAwwmXq3YxG0ZAQECAQEBAgIAAAABAAAAAAECAAAGCAsPDQcEAAECAAEBAAEBAQEB",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAEBAAAAAAAAAAABAAAAAAAAAAAAAAAAAAABAAEAAQAAAAAAAAAAAA==",
  ],
};

/** What a link of that time could say: every name, and a value that is not its default. */
const SAID = [
  "label=7 guidance=2.5 seed=5 sampler=ddim eta=0.4 spacing=trailing steps=20 speed=max at=3",
  "forward.digit=71 forward.t=120 forward.seed=9 forward.schedule=sigmoid forward.naive=1",
  "learn.digit=12 learn.t=7 learn.seed=4 jump.seed=3 jump.label=4 jump.sampler=ddim",
  "many.digit=12 many.t=200 many.told=1 many.steps=8 many.seed=5",
  "posterior.digit=12 posterior.seed=3 posterior.told=0 posterior.steps=20",
  "inside.digit=12 inside.t=30 inside.held=700 inside.place=17",
  "compare.seed=9 compare.label=any compare.third=0 compare.show=x0 compare.at=500",
  "compareA.sampler=dpm++ compareA.spacing=leading compareA.steps=20 compareA.guidance=2",
  "compareB.sampler=ddpm compareB.eta=0.5 compareC.sampler=ddim compareC.steps=50",
  "wall.seed=7 wall.guidance=3 wall.steps=6 scribble.t=300 scribble.label=4 scribble.seed=2",
  "repaint.digit=12 repaint.mask=ff00 repaint.label=8 repaint.resamplings=10 repaint.seed=2",
  "between.from=3 between.to=8 between.label=4 between.share=0.25",
];

test("every name and value of an old link is read as it was meant", () => {
  const limits = { trainTimesteps: 1000, classes: 10, anyLabel: true };
  for (const [name = "", text = ""] of SAID.join(" ")
    .split(" ")
    .map((said) => said.split("="))) {
    const [group = "walk", key = ""] = name.includes(".") ? name.split(".") : ["walk", name];
    const list =
      /** @type {Record<string, Record<string, import("../../web/settings/list.js").Property<any>>>} */ (
        properties
      )[group];
    const property = list?.[key];
    assert.ok(property !== undefined, `${name} is a setting`);
    const read = property.read(text, limits);
    assert.equal(read?.exact, true, `${name}=${text}`);
    assert.equal(property.write(read?.value), text, name);
    assert.notDeepEqual(read?.value, property.initial(limits), `${name} is no default`);
  }
});

test("an old link gives the pictures that it gave", async () => {
  const visitor = await site.visit(`?device=cpu${THEN.link}`, { reducedMotion: "reduce" });
  await visitor.rests(33);
  assert.equal(await visitor.reads("time t"), "320");
  for (const [name, then] of /** @type {const} */ ([
    ["xt", THEN.xt],
    ["x0", THEN.x0],
  ])) {
    const before = Buffer.from(then.join(""), "base64");
    const now = await visitor.pixels(visitor[name]);
    assert.equal(now.length, before.length);
    // The arithmetic has been made faster since: of 255 shades one may have been rounded the other way.
    const off = Math.max(...now.map((value, i) => Math.abs(value - (before[i] ?? NaN))));
    assert.ok(off <= 1, `${name} is ${off} shades off`);
  }
  await visitor.leave();
});
