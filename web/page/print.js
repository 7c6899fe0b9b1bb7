// On paper nothing can be unfolded: all of it is printed open, and is closed again afterwards. The sheet is white, on
// which curves that were drawn for a dark page are turned around.

export function unfoldForPrint() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  let dark = darkness.matches;
  darkness.addEventListener("change", () => {
    // Browsers print in the light scheme, which changes nothing that is drawn already.
    if (!matchMedia("print").matches) dark = darkness.matches;
  });
  addEventListener("beforeprint", () => {
    document.documentElement.toggleAttribute("data-drawn-dark", dark);
    opened = [...document.querySelectorAll("details")].filter(({ open }) => !open);
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
}
