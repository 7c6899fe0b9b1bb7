// Figures are created, and grow, above what the visitor reads. Where the browser does not keep that in its place by
// itself (scroll anchoring, which WebKit does not have), this does. The place that a link leads to is kept at the top
// of the window in every browser, until the visitor scrolls.

import { find, h } from "../screen/dom.js";

/** How far above the top of the window something ends, in pixels, to grow unseen; a heading has a margin. */
const SLACK = 64;

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** Whether the browser does it, by a trial in an unseen box. @returns {Promise<boolean>} */
export async function anchorsItself() {
  const above = h("div");
  const below = h("div");
  const box = h("div", { "aria-hidden": "true" }, above, below);
  Object.assign(box.style, { position: "fixed", inset: "0 auto auto 0", opacity: "0" });
  Object.assign(box.style, { width: "20px", height: "20px", overflow: "scroll" });
  box.style.pointerEvents = "none";
  above.style.height = "40px";
  below.style.height = "100px";
  document.body.append(box);
  box.scrollTop = 50;
  // Each change takes effect with a frame.
  await frame();
  await frame();
  above.style.height = "60px";
  await frame();
  await frame();
  const { scrollTop } = box;
  box.remove();
  return scrollTop === 70;
}

/** What a link has led to, where it is in the window, and how far down that is. @type {{ place: Element, top: number, y: number } | null} */
let held = null;

function showHeld() {
  if (held === null) return;
  held.place.scrollIntoView({ behavior: "instant" });
  held.top = held.place.getBoundingClientRect().top;
  held.y = scrollY;
}

/** Scrolls to a place and stays there, whatever grows above it, until the visitor does anything. @param {Element} place */
export function hold(place) {
  held = { place, top: 0, y: 0 };
  showHeld();
}

export function release() {
  held = null;
}

/** Whether only the page has scrolled: a browser's anchoring keeps the place in the window, and nothing else moves the page. */
function isWhereItWas() {
  if (held === null) return false;
  // What grew above since the page scrolled is seen by the observer after this.
  if (Math.abs(scrollY - held.y) < 2) return true;
  return Math.abs(held.place.getBoundingClientRect().top - held.top) < 2;
}

/** Keeps what a link has led to at the top of the window. */
function keepHeld() {
  new ResizeObserver(showHeld).observe(find(document, "main", HTMLElement));
  for (const act of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    addEventListener(act, release, { passive: true, capture: true });
  }
  addEventListener("scroll", () => {
    if (!isWhereItWas()) release();
  });
}

/** Keeps what is in the window in its place while the page's sections above it grow or shrink. */
export async function keepInPlace() {
  keepHeld();
  if (await anchorsItself()) return;
  /** @type {Map<Element, number>} */
  const heights = new Map();
  const sizes = new ResizeObserver((changes) => {
    let grown = 0;
    let unseen = 0;
    // In the order of the page, as they are observed.
    for (const { target } of changes) {
      const { bottom, height } = target.getBoundingClientRect();
      const growth = height - (heights.get(target) ?? height);
      heights.set(target, height);
      grown += growth;
      if (bottom - grown < SLACK) unseen += growth;
    }
    if (unseen !== 0 && held === null) scrollBy({ top: unseen, behavior: "instant" });
  });
  for (const section of document.querySelectorAll("main section")) sizes.observe(section);
}
