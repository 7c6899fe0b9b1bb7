// The values of a plot where it is pointed at, or where the arrow keys have gone while it has the focus.

import { significant } from "../basics/numbers.js";
import { h, setText } from "../screen/dom.js";

/** @typedef {import("../vendor/uPlot.js").default} Plot */

/**
 * @param {HTMLElement} area of the plot
 * @param {import("./plot.js").PlotOptions} options
 * @param {() => Plot | null} plot what is drawn now
 */
export function createPlotValues(area, { x, y, series }, plot) {
  const line = h("div", { class: "plot-line", hidden: true });
  const words = h("p", { class: "plot-values", hidden: true });
  // Said only where the keys have asked for it.
  const said = h("p", { class: "unseen", role: "status" });
  /** Which of the values is shown. */
  let index = -1;

  /** @param {number} value @param {(value: number) => string} format */
  const inWords = (value, format) => (Number.isFinite(value) ? format(value) : "–");
  /** @param {number} wish @returns {string} */
  const show = (wish) => {
    const drawn = plot();
    const [xs = []] = drawn?.data ?? [];
    if (drawn === null || xs.length === 0) return "";
    index = Math.max(0, Math.min(xs.length - 1, wish));
    const at = xs[index] ?? 0;
    const values = series.flatMap(({ name }, i) => {
      const value = drawn.data[i + 1]?.[index];
      if (typeof value !== "number") return [];
      return `${series.length > 1 ? `${name} ` : ""}${inWords(value, y.say ?? y.format ?? significant)}`;
    });
    const text = `${x.label} ${inWords(at, x.say ?? x.format ?? ((value) => String(Number(value.toPrecision(4)))))}: ${values.join(", ") || "no value"}`;
    const left = drawn.over.offsetLeft + drawn.valToPos(at, "x");
    line.style.left = `${left}px`;
    // On the side that has more room.
    words.style.left = left * 2 < area.clientWidth ? `${left + 6}px` : "auto";
    words.style.right = left * 2 < area.clientWidth ? "auto" : `${area.clientWidth - left + 6}px`;
    setText(words, text);
    line.hidden = words.hidden = false;
    return text;
  };
  const hide = () => {
    line.hidden = words.hidden = true;
  };

  /** @param {PointerEvent} event */
  const point = ({ clientX }) => {
    const drawn = plot();
    if (drawn === null) return;
    show(drawn.posToIdx(clientX - drawn.over.getBoundingClientRect().left));
  };
  area.addEventListener("pointermove", point);
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointerleave", hide);
  area.addEventListener("focus", () => {
    if (area.matches(":focus-visible")) show(index < 0 ? 0 : index);
  });
  area.addEventListener("blur", () => {
    hide();
    setText(said, "");
  });
  area.addEventListener("keydown", (event) => {
    const last = (plot()?.data[0].length ?? 1) - 1;
    const stride = Math.max(1, Math.round(last / 50));
    /** @type {Record<string, number>} */
    const goals = {
      ArrowLeft: index - stride,
      ArrowRight: index + stride,
      Home: 0,
      End: last,
    };
    const goal = goals[event.key];
    if (event.key === "Escape") hide();
    if (goal === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    setText(
      said,
      show(x.reversed === true && event.key.startsWith("Arrow") ? 2 * index - goal : goal),
    );
  });

  area.after(line, words, said);
  return { hide };
}
