// Going to a place of the page: by the address, or from its contents.

import { placeIn, pushPlace } from "../settings/place.js";
import { hold, release } from "./anchoring.js";

/** Scrolls to a place, and takes the focus there. @param {string} id */
function show(id) {
  const place = document.getElementById(id);
  if (place === null) return;
  hold(place);
  const heading = place.querySelector("h2, h3");
  if (!(heading instanceof HTMLElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** As a link would, but the settings behind the # stay. @param {string} id */
export function goTo(id) {
  pushPlace(id);
  show(id);
}

/** Whether the browser itself returns to where the visitor was. */
function isReturn() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation instanceof PerformanceNavigationTiming && navigation.type !== "navigate";
}

/** Must be called when it is known which sections are shown. */
export function followPlaces() {
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
