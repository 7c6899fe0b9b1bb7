// A walk that several figures wait for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SharedWalk } from "../../web/client/shared-walk.js";

const image = Float32Array.of(1);

/** A walk of so many steps; how many it has taken. @param {number} steps */
function walkOf(steps) {
  const taken = { steps: 0, ended: false };
  const shared = new SharedWalk(async (signal, gate) => {
    while (taken.steps < steps) {
      await gate.pass(signal);
      taken.ended = signal.aborted;
      if (signal.aborted) return null;
      taken.steps += 1;
      await soon();
    }
    return image;
  });
  return { shared, taken };
}

const soon = () => new Promise((resolve) => setTimeout(resolve));

describe("a walk that several figures wait for", () => {
  test("goes on as long as one of them is looked at", async () => {
    const [one, other] = [{}, {}];
    const { shared, taken } = walkOf(1000);
    shared.wait(one, false);
    shared.wait(other, false);
    shared.wait(one, true);
    await soon();
    shared.wait(other, true);
    await soon();
    const { steps } = taken;
    assert.ok(steps > 0 && steps < 1000);
    for (let i = 0; i < 5; i++) await soon();
    assert.equal(taken.steps, steps, "both rest");
    // Who waits no more, keeps nobody from waiting.
    shared.wait(one, false);
    shared.leave(one);
    await soon();
    const since = taken.steps;
    for (let i = 0; i < 5; i++) await soon();
    assert.equal(taken.steps, since);
    shared.leave(other);
    assert.equal(await shared.image, null);
    assert.ok(shared.isOver && taken.ended);
  });

  test("keeps its image when nobody waits any more", async () => {
    const who = {};
    const { shared } = walkOf(3);
    shared.wait(who, false);
    assert.equal(await shared.image, image);
    shared.leave(who);
    assert.equal(shared.isOver, false);
  });
});
