// What is asked for many times between two frames of the screen is drawn once.

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
