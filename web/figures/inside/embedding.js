// The time embedding of every t, side by side, and the one of the current t.

import { createHeatMap } from "../../parts/heat-map.js";
import { createPlot } from "../../parts/plot.js";
import { pointOn } from "../../parts/pointing.js";
import { h } from "../../screen/dom.js";

/**
 * @param {Float32Array} rows [trainTimesteps, d]
 * @param {number} trainTimesteps
 * @param {(t: number) => void} onSeek
 */
export function createEmbedding(rows, trainTimesteps, onSeek) {
  const d = rows.length / trainTimesteps;
  const columns = new Float32Array(rows.length);
  for (let t = 0; t < trainTimesteps; t++) {
    for (let i = 0; i < d; i++) columns[i * trainTimesteps + t] = rows[t * d + i] ?? 0;
  }
  const map = createHeatMap({ empty: "Not ready yet" });
  /** @param {PointerEvent} event */
  const seek = (event) => onSeek(Math.floor(pointOn(map.canvas, event).x * trainTimesteps));
  map.canvas.addEventListener("pointerdown", (event) => {
    map.canvas.setPointerCapture(event.pointerId);
    seek(event);
  });
  map.canvas.addEventListener("pointermove", (event) => {
    if (event.buttons === 1) seek(event);
  });
  const bars = createPlot({
    label: "What the network sees of t",
    x: { label: "index in the row", range: [-1, d] },
    y: { label: "", range: [-1, 1] },
    height: 150,
    series: [{ name: "embedding", kind: "bars" }],
  });
  let painted = false;
  return {
    map: h("div", { class: "embedding" }, map.element),
    bars: bars.element,
    /** @param {number} t */
    mark(t) {
      const text = `The time embedding: a column of ${d} sines and cosines for each t from 0 to ${trainTimesteps - 1}; t = ${t} is marked`;
      if (painted) map.canvas.setAttribute("aria-label", text);
      else map.show(columns, [d, trainTimesteps], text);
      painted = true;
      map.markColumn(t);
      const row = rows.slice(t * d, (t + 1) * d);
      const values = Array.from(row.slice(0, 4), (value) => value.toFixed(2)).join(", ");
      bars.set([Array.from(row, (_, i) => i), row], `t = ${t}: ${values}, and so on`);
    },
    dispose: bars.dispose,
  };
}
