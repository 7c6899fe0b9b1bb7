// Lets a test talk to parity-worker.js: `await ask({ method, ... })`.

const worker = new Worker(new URL("./parity-worker.js", import.meta.url), { type: "module" });

/**
 * One question at a time.
 * @param {import("./parity-worker.js").Question} question
 * @returns {Promise<unknown>}
 */
function ask(question) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if ("error" in data) reject(new Error(data.error));
      else resolve(data.result);
    };
    worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
    worker.postMessage(question);
  });
}

Object.assign(globalThis, { ask });
