// A line at the top of the window while an answer of the network is waited for, how far a long one is, and a sentence where
// it takes very long.

import { listenForWaits } from "../client/busy.js";
import { h, setText } from "../screen/dom.js";
import { showNotice } from "./notices.js";

/** An answer that takes longer, in milliseconds, may never come. */
const VERY_LONG = 30_000;

/** From here on, in milliseconds, it is said how much of the answer is there. */
const LONG = 1000;

export function showBusy() {
  const line = h("div", { class: "busy", hidden: true, "aria-hidden": "true" });
  const part = h("div", { class: "busy-part", hidden: true, "aria-hidden": "true" });
  document.body.append(line, part);
  /** @type {ReturnType<typeof setTimeout>[]} */
  let timers = [];
  /** What the timers wait for. @type {number | null} */
  let waited = null;
  /** @type {number | null} */
  let share = null;

  const showPart = () => {
    const known = waited !== null && share !== null && performance.now() - waited >= LONG;
    line.classList.toggle("known", known);
    part.hidden = !known;
    if (!known) return;
    const percent = Math.round(100 * (share ?? 0));
    line.style.setProperty("--part", `${percent}%`);
    setText(part, `${percent} % of the network's answer`);
  };

  listenForWaits((since, done) => {
    line.hidden = since === null;
    share = done;
    if (since !== waited) {
      waited = since;
      for (const timer of timers) clearTimeout(timer);
      timers = since === null ? [] : later(since);
    }
    showPart();
  });

  /** @param {number} since */
  function later(since) {
    const left = (/** @type {number} */ milliseconds) => since + milliseconds - performance.now();
    return [
      setTimeout(showPart, left(LONG) + 1),
      setTimeout(
        () =>
          showNotice(
            "The network has not answered for half a minute. A large model on a slow device may take that long; if nothing comes, reload the page.",
          ),
        left(VERY_LONG),
      ),
    ];
  }
}
