// The network beside the best possible answers, in numbers, and what the difference means.

import { h, setText } from "../../screen/dom.js";
import { labelOfDigit } from "../../settings/suit.js";
import { valueAt } from "./optimum.js";
import { errorInWords, many } from "./words.js";

/**
 * @param {object} options
 * @param {import("../../protocol/messages.js").ModelInfo} options.info
 * @param {import("../../protocol/messages.js").Loaded["optimum"]} options.optimum
 * @param {number} options.ofPage how many images the page has of which this is one; 0 where it is none of the page's
 * @param {"digits" | "images"} options.kind of image that the model was trained on
 */
export function createComparison({ info, optimum, ofPage, kind }) {
  const caption = h("caption", {});
  const columns = [
    { name: "this image", note: ofPage > 0 ? `one of the page’s ${many(ofPage)}` : "and noise" },
    ...(optimum === null
      ? []
      : [
          {
            name: `${many(optimum.images)} training ${kind}`,
            note: `on average, from ${many(optimum.draws)} draws`,
          },
        ]),
  ];
  /** @param {string} name */
  const row = (name) => {
    const cells = columns.map(() => h("td", {}, "–"));
    return { cells, element: h("tr", {}, h("th", { scope: "row" }, name), ...cells) };
  };
  const rows = { network: row("the network"), best: row("the best possible answer") };
  const table = h(
    "table",
    { class: "learning-table" },
    caption,
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td"),
        ...columns.map(({ name, note }) => h("th", { scope: "col" }, name, h("small", {}, note))),
      ),
    ),
    h("tbody", {}, rows.network.element, rows.best.element),
  );
  return {
    element: h("div", { class: "learning-comparison" }, table, h("p", {}, meaning())),
    /** @param {number} t @param {{ network: number | null, page: number | null }} errors of this image and noise */
    show(t, { network, page }) {
      setText(caption, `Squared error at t = ${t}`);
      /** @param {"network" | "best"} curve */
      const trained = (curve) =>
        optimum === null
          ? []
          : [valueAt(optimum.timesteps, optimum[curve === "best" ? "optimum" : "network"], t)];
      /** @param {HTMLElement[]} cells @param {(number | null)[]} values */
      const write = (cells, values) =>
        cells.forEach((cell, i) => {
          const value = values[i] ?? null;
          setText(cell, value === null ? "–" : errorInWords(value));
        });
      write(rows.network.cells, [network, ...trained("network")]);
      write(rows.best.cells, [page, ...trained("best")]);
    },
  };

  /** What the difference means. */
  function meaning() {
    const ofLabel = ofPage > 0 && labelOfDigit(info, 0) !== undefined;
    const told =
      ofLabel || optimum?.knowsLabel
        ? " Like the network it is told the label, and weighs only images of that label."
        : "";
    const which =
      ofPage > 0 && optimum !== null
        ? `the page’s ${many(ofPage)} digits or the ${many(optimum.images)} training ${kind}`
        : ofPage > 0
          ? `the page’s ${many(ofPage)} digits`
          : `the ${many(optimum?.images ?? 0)} training ${kind}`;
    const near =
      optimum === null
        ? ""
        : ` Where t is large, many of the ${many(optimum.images)} could be meant, and the network comes near the best for them.`;
    return `If an image can only be one of finitely many, here ${which}, the best possible answer is known: the mean of all noises that may be in it.${told} Where t is small it recognises which image it is and hardly errs, but it has learned them by heart: walking back with it draws these images and no others. The network errs more there, because it has learned what such images look like and not which there were; so it can draw new ones.${near}`;
  }
}
