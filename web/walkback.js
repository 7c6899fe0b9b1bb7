// The walk for pages that others write: the same workers and the same code as this page's own. Its types and what it
// needs of the importing page are in module/walkback.d.ts; `cargo xtask dist` puts both beside each other.

import { createGate } from "./basics/gate.js";
import { Engine } from "./client/engine.js";
import { wholeWalk } from "./client/whole-walk.js";
import { located, modelAt } from "./models/address.js";
import { ownFile } from "./own-file.js";

/** Steps of a walk where none are asked for. */
const STEPS = 100;

/** @type {typeof import("./module/walkback.js").load} */
export async function load(url, { device = "auto", onProgress = () => {} } = {}) {
  const [text, page] = [String(url), pageAddress()];
  // "pretrained/mnist" is a folder beside the page here, not a name on the hub.
  const isPath = text.includes("/");
  const source = await located(modelAt(isPath ? new URL(text, page).href : text, page));
  const engine = new Engine(onProgress, (change) => {
    if (change.loaded !== null) Object.assign(loaded, change.loaded);
  });
  const loaded = await engine.load({ model: source, device });
  const { info, schedule } = loaded;
  return {
    get info() {
      return loaded.info;
    },
    schedule,
    async *walk({ signal = new AbortController().signal, ...options } = {}) {
      const chain = {
        seed: 0,
        count: 1,
        label: null,
        numInferenceSteps: Math.min(STEPS, info.trainTimesteps),
        ...options,
      };
      for await (const { frame, shape } of wholeWalk(engine, chain, signal, createGate())) {
        yield { ...frame, shape };
      }
    },
    release: () => engine.release(),
  };
}

/**
 * The address of the importing page.
 * @throws {Error} a sentence, where no worker of this module can be started from it
 */
function pageAddress() {
  if (typeof Worker !== "function" || typeof location !== "object") {
    throw new Error("walkback.js runs in a browser's page, because it computes in a worker.");
  }
  const { origin } = ownFile("");
  if (origin !== location.origin) {
    throw new Error(
      `walkback.js comes from ${origin}, but a browser starts workers only from a page's own origin. Copy its folder to ${location.origin} and import it from there.`,
    );
  }
  return globalThis.document?.baseURI ?? location.href;
}
