// All that models need which are not the page's own: loaded when one is asked for, and once the first image is there.

export { located, modelAt } from "../models/address.js";
export { collect } from "../models/given.js";
export { sourceOf } from "../models/source.js";
export { takeNearest } from "../parts/open-image.js";
export { createChooser } from "./model-chooser.js";
export { mayFetch } from "./model-confirm.js";
export { setUpDialog } from "./model-opener.js";
export { askSize } from "./model-size.js";
