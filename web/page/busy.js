// A line at the top of the window while an answer of the network is waited for, and a sentence where it takes very long.

import { listenForWaits } from "../client/busy.js";
import { h } from "../screen/dom.js";
import { showNotice } from "./notices.js";

/** An answer that takes longer, in milliseconds, may never come. */
const VERY_LONG = 30_000;

export function showBusy() {
  const line = h("div", { class: "busy", hidden: true, "aria-hidden": "true" });
  document.body.append(line);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** What the timer waits for. @type {number | null} */
  let waited = null;
  listenForWaits((since) => {
    line.hidden = since === null;
    if (since === waited) return;
    waited = since;
    clearTimeout(timer);
    if (since === null) return;
    timer = setTimeout(
      () =>
        showNotice(
          "The network has not answered for half a minute. A large model on a slow device may take that long; if nothing comes, reload the page.",
        ),
      VERY_LONG - (performance.now() - since),
    );
  });
}
