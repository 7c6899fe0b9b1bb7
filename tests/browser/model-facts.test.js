// What the page says of a model before its figures compute.

import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf } from "../../web/page/model-facts.js";

/** @param {number} cpu milliseconds */
const facts = (cpu) =>
  factsOf(
    {
      kind: "files",
      name: "large",
      unetConfig: "",
      schedulerConfig: "",
      modelIndex: undefined,
      labels: undefined,
      golden: undefined,
      best: undefined,
      optimum: undefined,
      weights: [],
      notes: [],
    },
    {
      info: {
        device: "cpu",
        adapter: "",
        parameters: 113_673_219,
        notes: [],
        imageSize: [64, 64],
        channels: 3,
        classes: [],
        nullLabel: null,
        trainTimesteps: 1000,
        predictionType: "epsilon",
      },
      stepTimes: { cpu, webgpu: 5000 },
    },
    false,
  );

test("how long an answer takes is said where it takes seconds, of the device that computes", () => {
  assert.match(facts(12_340), /One answer of the network takes about 12\.3 s on this device/);
  assert.doesNotMatch(facts(900), /takes about/);
  assert.match(facts(900), /^113\.7 million parameters, images of 64 × 64 in colour/);
});
