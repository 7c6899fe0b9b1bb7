// Going to a place of the page: by the address, or from its contents.

import { placeIn, pushPlace } from "../settings/place.js";
import { hold, release } from "./anchoring.js";

/** Scrolls to a place, and takes the focus there. @param {string} id */
function show(id) {
  const place = document.getElementById(id);
  if (place === null) return;
  hold(place);
  const heading = place.querySelector("h2, h3") ?? place;
  if (!(heading instanceof HTMLElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** As a link would, but the settings behind the # stay. @param {string} id */
function goTo(id) {
  pushPlace(id);
  show(id);
}

/** Follows the links from one place of the page to another. */
function followLinks() {
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
    const id = link?.getAttribute("href")?.slice(1) ?? "";
    if (id === "" || document.getElementById(id) === null) return;
    // Behind the # are the settings of the page; going somewhere must not replace them.
    event.preventDefault();
    goTo(id);
  });
}

/** Whether the browser itself returns to where the visitor was. */
function isReturn() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation instanceof PerformanceNavigationTiming && navigation.type !== "navigate";
}

/** Must be called when it is known which sections are shown. */
export function followPlaces() {
  followLinks();
  const there = () => {
    const id = placeIn(location.hash);
    if (id !== null) show(id);
  };
  let returning = false;
  addEventListener("popstate", (event) => {
    // Only entries that were left have a state; the browser returns to where they were scrolled.
    returning = event.state !== null;
    release();
  });
  addEventListener("hashchange", () => {
    if (!returning) there();
    returning = false;
  });
  if (!isReturn()) there();
}
