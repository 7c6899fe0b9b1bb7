// Tensors as pixels.

/**
 * Draws one image of a tensor at its own size; style sheets enlarge it.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} values [channels, h, w], one channel for grey, three for colour
 * @param {number[]} shape [count, channels, h, w]
 * @param {number} range values from -range to +range become black to white; what is beyond is cut
 */
export function paint(canvas, values, [, channels = 1, height = 1, width = 1], range) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let rgb = 0; rgb < 3; rgb++) {
      const value = values[(channels === 1 ? 0 : rgb) * plane + i] ?? 0;
      // ImageData holds bytes clamped to 0..255.
      image.data[4 * i + rgb] = Math.round((value / range + 1) * 127.5);
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
