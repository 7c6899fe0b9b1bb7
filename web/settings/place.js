// The place of the page that an address names before its settings: #many-answers&many.t=900.

/** @param {string} hash with its # @returns {string | null} the id of an element */
export function placeIn(hash) {
  const [first = ""] = hash.slice(1).split("&");
  return first !== "" && document.getElementById(first) !== null ? first : null;
}

/** What the hash says after the place. @param {string} hash with its # @returns {string} without a # */
export function settingsIn(hash) {
  const place = placeIn(hash);
  return place === null ? hash.slice(1) : hash.slice(place.length + 2);
}

/** @param {string | null} place @param {string} settings @returns {string} a hash without its # */
export const hashOf = (place, settings) =>
  [place ?? "", settings].filter((part) => part !== "").join("&");

/** Which reading of the address the settings come from: another one for each page load and each link followed. */
let reading = performance.timeOrigin;

/** Begins another reading of the settings from the address. */
export const beginReading = () => {
  reading += 1;
};

/** Whether this entry of the history was left with the current settings, except for what was set since. */
export const isOfThisReading = () => history.state?.reading === reading;

/** Writes a place into the address as a new entry of the history, so that Back returns. @param {string} place */
export function pushPlace(place) {
  if (placeIn(location.hash) === place) return;
  const state = { reading };
  history.replaceState(state, "");
  history.pushState(state, "", `#${hashOf(place, settingsIn(location.hash))}`);
}
