// The buttons of a recorder.

import { createButton } from "../../parts/button.js";
import { h } from "../../screen/dom.js";

/**
 * @param {Record<"toFirst" | "back" | "togglePlay" | "step" | "toLast", () => void>} actions
 */
export function createTransport(actions) {
  const first = createButton({
    name: "Back to the start",
    icon: "start",
    onPress: actions.toFirst,
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
  const end = createButton({ name: "To the end", icon: "end", onPress: actions.toLast });
  return {
    element: h(
      "div",
      { class: "transport", role: "group", "aria-label": "Transport" },
      first.element,
      back.element,
      play.element,
      step.element,
      end.element,
    ),
    /** @param {import("./walk.js").View} view */
    show({ mode, position }) {
      if (mode === "playing") play.rename("Pause", "pause");
      else play.rename(mode === "done" ? "Play again" : "Play", "play");
      const atFirst = position === 0;
      const atLast = mode === "done";
      keepFocus(first, atFirst, play);
      keepFocus(back, atFirst, play);
      keepFocus(step, atLast, play);
      keepFocus(end, atLast, play);
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
