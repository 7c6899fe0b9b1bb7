// What is to be said of a model, in sentences.

import { duration } from "../basics/numbers.js";
import { classesOf, inColour, ofDigits } from "../settings/suit.js";

/** From here on, in milliseconds, an evaluation takes so long that it is said. */
const SLOW = 1000;

/**
 * @param {import("../models/source.js").ModelSource} source
 * @param {Pick<import("../protocol/messages.js").Loaded, "info" | "stepTimes">} loaded
 * @param {boolean} isOwn whether it is one of the page's own
 */
export function factsOf(source, { info, stepTimes }, isOwn) {
  const [height, width] = info.imageSize;
  const millions = (info.parameters / 1e6).toFixed(info.parameters < 1e6 ? 2 : 1);
  const classes = classesOf(info);
  const kinds =
    classes.length === 0
      ? "without classes"
      : classes.length === 1
        ? "of one class"
        : `of ${classes.length} classes`;
  const where =
    source.kind === "files"
      ? " It comes from your files, which are not part of a link to this page."
      : isOwn
        ? ""
        : source.foreign
          ? ` It comes from ${new URL(source.base).host}.`
          : " It comes from this site.";
  const words = ofDigits(info) ? "" : " The answers below describe the page's own model of digits.";
  const time = stepTimes[info.device] ?? 0;
  const slow =
    time < SLOW
      ? ""
      : ` One answer of the network takes about ${duration(time)} on this device, so the figures take longer.`;
  const notes = info.notes.map((note) => ` ${note}`).join("");
  return `${millions} million parameters, images of ${height} × ${width} ${inColour(info.channels)}, ${kinds}.${where}${slow}${notes}${words}`;
}
