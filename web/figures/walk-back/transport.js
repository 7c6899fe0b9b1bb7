// The buttons of a recorder.

import { h } from "../../screen/dom.js";
import { createButton } from "../../parts/button.js";

/**
 * @param {Record<"toStart" | "back" | "togglePlay" | "step" | "toEnd", () => void>} actions
 */
export function createTransport(actions) {
  const start = createButton({
    name: "Back to the start",
    icon: "start",
    onPress: actions.toStart,
  });
  const back = createButton({
    name: "One step back",
    icon: "back",
    shortcut: "ArrowLeft",
    onPress: actions.back,
  });
  const play = createButton({
    name: "Play",
    icon: "play",
    shown: true,
    primary: true,
    shortcut: "Space",
    onPress: actions.togglePlay,
  });
  const step = createButton({
    name: "One step",
    icon: "step",
    shortcut: "ArrowRight",
    onPress: actions.step,
  });
  const end = createButton({ name: "To the end", icon: "end", onPress: actions.toEnd });
  return {
    element: h(
      "div",
      { class: "transport", role: "group", "aria-label": "Transport" },
      start.element,
      back.element,
      play.element,
      step.element,
      end.element,
    ),
    /** @param {import("./walk.js").View} view */
    show({ state, position }) {
      if (state === "playing") play.rename("Pause", "pause");
      else play.rename(state === "done" ? "Play again" : "Play", "play");
      const atStart = position === 0;
      const atEnd = state === "done";
      keepFocus(start, atStart, play);
      keepFocus(back, atStart, play);
      keepFocus(step, atEnd, play);
      keepFocus(end, atEnd, play);
    },
  };
}

/**
 * Disables a button; the focus it may have goes on to another one instead of being lost.
 * @param {ReturnType<typeof createButton>} button
 * @param {boolean} disabled
 * @param {ReturnType<typeof createButton>} heir
 */
function keepFocus(button, disabled, heir) {
  if (disabled && document.activeElement === button.element) heir.element.focus();
  button.disabled = disabled;
}
