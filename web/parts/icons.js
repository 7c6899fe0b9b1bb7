// The signs on buttons, as SVG of 24 x 24.

/** @typedef {"play" | "pause" | "step" | "back" | "start" | "end" | "dice" | "link" | "save" | "again" | "undo" | "whole" | "embed"} IconName */

/** @type {Record<IconName, string>} */
const paths = {
  play: "M7 4.5v15L20 12z",
  pause: "M6.500 5h4v14h-4zM13.500 5h4v14h-4z",
  step: "M5 5v14l10-7zM16.500 5H19v14h-2.500z",
  back: "M19 5v14L9 12zM5 5h2.500v14H5z",
  start: "M4 5h2.500v14H4zM13.500 5v14L7 12zM21 5v14l-6.500-7z",
  end: "M20 5h-2.500v14H20zM10.500 5v14l6.500-7zM3 5v14l6.500-7z",
  dice:
    "M6 3h12a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3V6a3 3 0 0 1 3-3zm0 1.800A1.200 1.200 0 0 0 4.800 6v12" +
    "A1.200 1.200 0 0 0 6 19.200h12a1.200 1.200 0 0 0 1.200-1.200V6A1.200 1.200 0 0 0 18 4.800z" +
    "M8.300 6.700a1.600 1.600 0 1 0 .01 0zm7.400 0a1.600 1.600 0 1 0 .01 0zM12 10.400a1.600 1.600 0 1 0 .01 0z" +
    "m-3.700 3.700a1.600 1.600 0 1 0 .01 0zm7.400 0a1.600 1.600 0 1 0 .01 0z",
  link: "M10.500 7H7a5 5 0 0 0 0 10h3.500v-2H7a3 3 0 0 1 0-6h3.500zM13.500 7H17a5 5 0 0 1 0 10h-3.500v-2H17a3 3 0 0 0 0-6h-3.500zM8 11h8v2H8z",
  save: "M11 4h2v8.500l3-3 1.400 1.400L12 16.300l-5.400-5.400L8 9.500l3 3zM5 18h14v2H5z",
  again:
    "M12 5a7 7 0 1 1-6.700 9l1.900-.600A5 5 0 1 0 8.300 8.600L10.800 11H4V4.200l2.900 2.900A7 7 0 0 1 12 5z",
  undo: "M9.500 4.500 4 10l5.500 5.500V12H14a3.500 3.500 0 0 1 0 7h-4v2h4a5.500 5.500 0 0 0 0-11H9.500z",
  whole: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  embed:
    "M8.600 7.200 10 8.600 6.600 12l3.400 3.400-1.400 1.400L3.800 12zM15.400 7.200 20.200 12l-4.800 4.800-1.400-1.400 3.400-3.400-3.400-3.400z",
};

/** @param {IconName} name @returns {SVGSVGElement} hidden from screen readers: the button says its name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("fill-rule", "evenodd");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
