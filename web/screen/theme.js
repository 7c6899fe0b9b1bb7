// The page's colours, for what is drawn on canvases. Style sheets hold them; this reads them.

/** @typedef {"ink" | "quiet" | "line" | "soft" | "paper" | "well" | "accent" | "second" | "third"} ColourName */

const darkness = matchMedia("(prefers-color-scheme: dark)");

export const theme = {
  /** @param {ColourName} name @returns {string} a CSS colour */
  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  },

  /**
   * @param {() => void} changed called when the scheme turns dark or light
   * @returns {() => void} ends it
   */
  listen(changed) {
    darkness.addEventListener("change", changed);
    return () => darkness.removeEventListener("change", changed);
  },
};
