// Draws once per frame of the screen, however often it is requested.

/**
 * @param {() => void} draw
 * @returns {() => void} asks for the drawing, with the next frame
 */
export function withNextFrame(draw) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      draw();
    });
  };
}
