// A finger that begins to scroll on a slider must not move it. What a touch does to a slider counts from where it goes
// sideways, or is lifted again; where the browser makes a scroll of it, the slider goes back.

/** A finger that has gone so far sideways, in pixels, is not scrolling. */
export const SIDEWAYS = 8;

/**
 * Must be called before anything listens to the slider's input.
 * @param {HTMLInputElement} slider
 */
export function keepFromScroll(slider) {
  /** A touch that may still become a scroll. @type {{ x: number, y: number, value: string, held: boolean } | null} */
  let touch = null;
  const decide = () => {
    const held = touch?.held ?? false;
    touch = null;
    if (held) slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  slider.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    touch = { x: event.clientX, y: event.clientY, value: slider.value, held: false };
  });
  slider.addEventListener("input", (event) => {
    if (touch === null) return;
    touch.held = true;
    event.stopImmediatePropagation();
  });
  slider.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (touch === null) return;
    const [x, y] = [Math.abs(clientX - touch.x), Math.abs(clientY - touch.y)];
    if (x >= SIDEWAYS && x > y) decide();
  });
  slider.addEventListener("pointerup", decide);
  slider.addEventListener("pointercancel", () => {
    if (touch === null) return;
    slider.value = touch.value;
    touch = null;
  });
}
