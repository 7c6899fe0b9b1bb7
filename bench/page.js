// Workers by name: `await ask(name, question)`.

/** @type {Map<string, Worker>} */
const workers = new Map();

/** @param {string} name @param {import("./worker.js").Question} question @returns {Promise<any>} */
function ask(name, question) {
  const worker =
    workers.get(name) ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  workers.set(name, worker);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) =>
      "error" in data ? reject(new Error(data.error)) : resolve(data.result);
    worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
    worker.postMessage(question);
  });
}

Object.assign(globalThis, { ask });
