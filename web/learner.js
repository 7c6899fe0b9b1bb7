// The worker that learns: beside the one that walks, so that a figure walks while another learns. Answers the calls of
// protocol/learning.js.

import { sentence } from "./basics/sentence.js";
import { damageOf } from "./worker/damage.js";
import { takeFromGpu } from "./worker/learning-device.js";
import { learningMethods } from "./worker/learning.js";

/** @typedef {import("./protocol/learning.js").LearnerCalls} LearnerCalls */

/** @param {import("./protocol/learning.js").LearnerReply} reply */
const reply = (reply) => self.postMessage(reply);

/** Says that nothing more is to be expected of this worker. @param {unknown} error @returns {boolean} whether it is so */
function giveUp(error) {
  const damage = damageOf(error);
  if (damage !== null) reply({ broken: { ...damage, call: null } });
  return damage !== null;
}

const methods = learningMethods(
  (event) => reply({ event }),
  (error) => damageOf(error) !== null,
);

/** @template {keyof LearnerCalls} M @param {M} method @param {LearnerCalls[M]["params"]} params */
async function answer(method, params) {
  return methods[method](params);
}

self.addEventListener(
  "message",
  async (/** @type {MessageEvent<import("./protocol/learning.js").LearnerRequest>} */ { data }) => {
    const { id, method, params } = data;
    try {
      reply({ id, result: await answer(method, params) });
    } catch (error) {
      if (giveUp(error)) return;
      console.warn(error);
      reply({ id, error: sentence(error) });
    }
  },
);

// A trap in the middle of an asynchronous call reaches nobody who awaits it, only this.
self.addEventListener("error", (event) => {
  event.preventDefault();
  if (takeFromGpu(event.error)) return;
  if (!giveUp(event.error)) reply({ event: { paused: { reason: sentence(event.error) } } });
});
self.addEventListener("unhandledrejection", (event) => {
  if (takeFromGpu(event.reason)) return event.preventDefault();
  if (!giveUp(event.reason)) reply({ event: { paused: { reason: sentence(event.reason) } } });
});
