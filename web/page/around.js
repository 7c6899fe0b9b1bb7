// What the page has around its figures that nobody needs before the first image: it is set up once that is there.

import { linkSources } from "../parts/source-link.js";
import { setUpHelp } from "./help.js";
import { listenForPresenter } from "./presenter-key.js";
import { unfoldForPrint } from "./print.js";

linkSources();
listenForPresenter();
unfoldForPrint();

export const help = setUpHelp();
