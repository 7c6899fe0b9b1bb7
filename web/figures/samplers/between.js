// What lies between two chains: one image less the other.

import { difference, rootMeanSquare } from "../../basics/statistics.js";
import { createTile } from "../../parts/tile.js";

/** @param {string} one @param {string} other the names of the chains */
export function createBetween(one, other) {
  const name = `${one} − ${other}`;
  const tile = createTile({
    caption: name,
    colours: { map: "signed" },
    empty: `The difference ${name}, not ready yet`,
  });
  return {
    element: tile.element,
    /**
     * @param {Float32Array} first
     * @param {Float32Array} second
     * @param {number[]} shape
     * @param {number | null} time null at the images
     */
    show(first, second, shape, time) {
      const values = difference(first, second);
      const distance = rootMeanSquare(values).toFixed(2);
      const at = time === null ? "the images" : `about t = ${Math.round(time)}`;
      tile.show(values, shape, `The difference ${name} at ${at}: distance ${distance}`);
      tile.caption = `${name}, distance ${distance}`;
    },
    clear() {
      tile.clear();
      tile.caption = name;
    },
  };
}
