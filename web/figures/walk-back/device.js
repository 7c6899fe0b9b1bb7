// Where the network is computed, what a step takes there, and a way to the other device.

import { duration } from "../../basics/numbers.js";
import { asSentence, sentence } from "../../basics/sentence.js";
import { createChoice } from "../../parts/choice.js";
import { h, setText } from "../../screen/dom.js";

/** @typedef {import("../../protocol/messages.js").Device} Device */

const NAMES = { cpu: "CPU", webgpu: "GPU" };

/**
 * @param {object} options
 * @param {import("../../protocol/messages.js").Loaded} options.loaded its device may change by itself, where a GPU is lost
 * @param {(device: Device) => Promise<void>} options.moveTo
 * @param {() => void} options.moved
 */
export function createDeviceChoice({ loaded, moveTo, moved }) {
  /** What the walk's steps took. @type {import("../../protocol/messages.js").StepTimes} */
  const walked = {};
  let moving = false;
  const choice = createChoice({
    legend: "Computed on",
    choices: [
      { value: /** @type {Device} */ ("cpu"), name: NAMES.cpu },
      { value: "webgpu", name: NAMES.webgpu },
    ],
    value: loaded.info.device,
    onChange: (device) => move(device),
  });
  const times = h("p", { class: "hint" });
  const status = h("p", { class: "notice", role: "status" });

  const show = () => {
    if (!moving) choice.value = loaded.info.device;
    const { device } = loaded.info;
    const known = { ...loaded.stepTimes, ...walked };
    /** @param {Device} where */
    const at = (where) => `${duration(known[where] ?? NaN)} on the ${NAMES[where]}`;
    const other = device === "cpu" ? "webgpu" : "cpu";
    setText(
      times,
      known[other] === undefined
        ? `A step takes ${at(device)}. The ${NAMES[other]} has not been tried.`
        : `A step takes ${at("cpu")} and ${at("webgpu")}.`,
    );
  };

  /** @param {Device} device */
  const move = async (device) => {
    moving = true;
    choice.disabled = true;
    setText(status, `Loading the network onto the ${NAMES[device]}`);
    let said = "";
    try {
      await moveTo(device);
    } catch (error) {
      said = `${asSentence(sentence(error))} The ${NAMES[loaded.info.device]} continues.`;
    }
    moving = false;
    choice.disabled = false;
    setText(status, said);
    show();
    moved();
  };

  show();
  return {
    element: h("div", { class: "device" }, choice.element, times, status),
    /** @param {number | null} milliseconds of the walk's last steps on this device; null before there are any */
    show(milliseconds) {
      if (milliseconds !== null) walked[loaded.info.device] = milliseconds;
      show();
    },
  };
}
