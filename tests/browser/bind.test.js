// Controls and settings, bound to each other. It needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bind } from "../../web/settings/bind.js";
import { properties } from "../../web/settings/list.js";
import { Group } from "../../web/settings/kept-in-address.js";

/**
 * The settings of a figure with three controls, and all that was said to have changed.
 * @param {() => number} choose the number of steps, where it is left to the page
 */
function figureWith(choose) {
  const limits = { trainTimesteps: 1000, classes: 10, anyLabel: true };
  const settings = new Group(properties.many, limits, () => {});
  /** @type {(string | null)[]} */
  const changes = [];
  const { controls, show, dispose } = bind(
    settings,
    {
      t: (options) => ({ ...options }),
      told: (options) => ({ ...options }),
      steps: (options) => ({ ...options }),
    },
    {
      changed: (name) => changes.push(name),
      decided: { steps: () => settings.decide("steps", choose) },
    },
  );
  /** @param {Record<string, string>} address */
  const follow = (address) => {
    settings.read(
      (name) => address[name] ?? null,
      () => {},
    );
    settings.notify();
  };
  return { settings, controls, changes, show, dispose, follow };
}

test("a_control_begins_with_its_setting", () => {
  const { controls } = figureWith(() => 12);
  assert.deepEqual([controls.t.value, controls.told.value], [600, false]);
});

test("what_is_chosen_with_a_control_is_set_and_said_by_name", () => {
  const { settings, controls, changes } = figureWith(() => 12);
  controls.t.onChange(3);
  assert.equal(settings.values.t, 3);
  assert.deepEqual(changes, ["t"]);
});

test("controls_follow_the_address_before_the_figure_hears_of_it", () => {
  const { controls, changes, follow } = figureWith(() => 12);
  follow({ t: "7", told: "1" });
  assert.deepEqual([controls.t.value, controls.told.value], [7, true]);
  assert.deepEqual(changes, [null]);
});

test("what_is_left_to_the_page_is_decided_again_when_it_is_shown", () => {
  let suits = 50;
  const { controls, settings, show } = figureWith(() => suits);
  assert.equal(controls.steps.value, 50);
  suits = 8;
  show();
  assert.equal(controls.steps.value, 8);
  settings.set({ steps: 25 });
  show();
  assert.equal(controls.steps.value, 25);
});

test("after_its_end_no_control_follows_the_address", () => {
  const { controls, changes, dispose, follow } = figureWith(() => 12);
  dispose();
  follow({ t: "7" });
  assert.equal(controls.t.value, 600);
  assert.deepEqual(changes, []);
});
