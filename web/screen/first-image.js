// When the first image is there: until then the page loads only what is needed for it.

/** Where no image comes, the rest is loaded after so many milliseconds. */
const PATIENCE = 20_000;

/**
 * @param {string} figure that the page shows first
 * @returns {Promise<void>} when it shows an answer of the network or, if it is another than the first, when it is ready; at
 *     the latest when something went wrong, or the visitor does anything
 */
export function firstImage(figure) {
  const shown = figure === "walk-back" ? "[data-revealed]" : "[data-ready]";
  const there = `[data-figure="${CSS.escape(figure)}"]:is(${shown}, :has(.figure-failure)), #failure:not([hidden])`;
  return new Promise((resolve) => {
    const over = new AbortController();
    const { signal } = over;
    const end = () => {
      over.abort();
      resolve();
    };
    const watch = new MutationObserver(() => {
      if (document.querySelector(there) !== null) end();
    });
    watch.observe(document, {
      subtree: true,
      childList: true,
      attributeFilter: ["data-revealed", "data-ready", "hidden"],
    });
    for (const act of ["pointerdown", "keydown", "dragenter"]) {
      addEventListener(act, end, { capture: true, passive: true, signal });
    }
    const timer = setTimeout(end, PATIENCE);
    signal.addEventListener("abort", () => {
      watch.disconnect();
      clearTimeout(timer);
    });
  });
}
