// Draws once per frame of the screen, however often it is requested.

/** Milliseconds after which it is drawn without a frame: a browser may give none, as to a tab that another one covers. */
const LATEST = 500;

/**
 * @param {() => void} draw
 * @returns {() => void} asks for the drawing, with the next frame
 */
export function withNextFrame(draw) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    const now = () => {
      cancelAnimationFrame(frame);
      clearTimeout(late);
      scheduled = false;
      draw();
    };
    const frame = requestAnimationFrame(now);
    const late = setTimeout(now, LATEST);
  };
}
