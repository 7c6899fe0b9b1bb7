// A browser that looks only every 100 ms whether a GPU has finished is woken while an answer is awaited, and only then.
// The GPU is an imitation that counts what it is given.

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

/** How many command buffers came with each submit. @type {number[]} */
const submits = [];
/** Ends the mapping that is awaited. @type {{ resolve: () => void, reject: (reason: Error) => void }} */
let mapping = { resolve() {}, reject() {} };

class GPUQueue {
  /** @param {Iterable<unknown>} commands */
  submit(commands) {
    submits.push([...commands].length);
  }
}
class GPUDevice extends EventTarget {
  queue = new GPUQueue();
  lost = new Promise(() => {});
  pushErrorScope() {}
  async popErrorScope() {
    return null;
  }
  createBuffer() {}
}
class GPUAdapter {
  async requestDevice() {
    return new GPUDevice();
  }
}
class GPUBuffer {
  mapAsync() {
    return new Promise((resolve, reject) => {
      mapping = { resolve: () => resolve(undefined), reject };
    });
  }
}
class GPUComputePassEncoder {
  dispatchWorkgroups() {}
  dispatchWorkgroupsIndirect() {}
}
Object.assign(globalThis, { GPUAdapter, GPUBuffer, GPUComputePassEncoder, GPUDevice, GPUQueue });

const { watchGpu } = await import("../../web/compute/gpu-watch.js");
const { countDispatches, gpuWork } = await import("../../web/compute/gpu-counter.js");
watchGpu();
countDispatches();
const device = await new GPUAdapter().requestDevice();

/** @param {string} userAgent */
function browse(userAgent) {
  Object.defineProperty(globalThis, "navigator", { value: { userAgent }, configurable: true });
}

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const OTHERS = {
  Chromium:
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
  "Firefox on iOS":
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/153.0 Mobile/15E148 Safari/605.1.15",
};

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** @param {() => boolean} holds */
async function until(holds) {
  const end = performance.now() + 5000;
  while (!holds()) {
    assert.ok(performance.now() < end, "in five seconds");
    await pause(1);
  }
}

describe("while an answer is awaited", () => {
  afterEach(() => {
    // Also where a test failed before it came to that.
    mapping.resolve();
    submits.splice(0);
  });

  for (const end of /** @type {const} */ (["resolve", "reject"])) {
    test(`Firefox is given submits of nothing, and no more once it is there (${end})`, async () => {
      browse(FIREFOX);
      const before = gpuWork().submits;
      const read = new GPUBuffer().mapAsync().catch((/** @type {Error} */ error) => error.message);
      await until(() => submits.length >= 5);
      mapping[end](new Error("the GPU was lost"));
      assert.equal(await read, end === "reject" ? "the GPU was lost" : undefined);
      const given = submits.length;
      await pause(50);
      assert.equal(submits.length, given, "none after it");
      assert.ok(submits.every((buffers) => buffers === 0));
      assert.equal(gpuWork().submits, before, "and none counts");
      device.queue.submit(["work"]);
      assert.equal(gpuWork().submits, before + 1);
    });
  }

  for (const [name, userAgent] of Object.entries(OTHERS)) {
    test(`${name} is given none`, async () => {
      browse(userAgent);
      const read = new GPUBuffer().mapAsync();
      await pause(50);
      mapping.resolve();
      await read;
      assert.deepEqual(submits, []);
    });
  }
});
