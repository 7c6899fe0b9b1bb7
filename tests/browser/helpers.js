// What every browser test needs: a browser, a server for the files of the repository, and a reader of
// safetensors.

import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The root of the repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where pictures of the page are kept. */
export const screenshots = path.join(root, "target", "screenshots");

/** The published page, as `cargo xtask` has written it for the tests. */
export const DRAFT = path.join(root, "target", "dist-draft");

/** A step on a software GPU takes seconds, and its first one far longer. */
export const SLOW = 300_000;

/**
 * How to start the browser. With `webgpu`, there is a WebGPU adapter, imitated in software if need be (then it
 * calls itself a fallback adapter); without it, navigator.gpu finds none.
 * @typedef {{ webgpu: boolean, flags?: string[] }} Wish
 */

/** @param {Wish} wish */
export const launch = (wish) => chromium.launch(launchOptions(wish));

/** The browser with a profile in a folder, where it keeps what it caches. @param {string} folder @param {Wish} wish */
export const launchWithProfile = (folder, wish) =>
  chromium.launchPersistentContext(folder, launchOptions(wish));

/** @param {Wish} wish */
export function launchOptions({ webgpu, flags = [] }) {
  const executablePath = process.env["CHROME"];
  if (!executablePath) {
    throw new Error("name a Chromium in $CHROME, or let `cargo xtask test` find one");
  }
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath,
    args: [
      ...(isRoot ? ["--no-sandbox"] : []),
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--no-first-run",
      ...(webgpu
        ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
        : ["--disable-features=WebGPU,WebGPUService"]),
      ...flags,
    ],
  };
}

/** @type {Record<string, string>} */
const contentTypes = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/**
 * What the server answers instead of a file: a status, or for 302 where to go, or a body.
 * @typedef {{ status?: number, location?: string, body?: string | Buffer }} Answer
 */

/** What workers are, which a page's own policy does not reach. */
const WORKER = /(worker|\/learner)\.js$/;

/** The policy that the page sets itself. @returns {Promise<string>} */
export async function policyOfPage() {
  const html = await readFile(path.join(root, "index.html"), "utf8");
  return /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(html)?.[1] ?? "";
}

/**
 * Serves a folder on 127.0.0.1, as static files.
 * @param {Record<string, Answer>} [instead] answers by path, e.g. "/pretrained/mnist/golden.json"
 * @param {{ folder?: string, below?: string, maxAge?: number, asked?: (address: string) => void }} [served] the folder,
 *     by default the repository; the path below which it is served, "/" by default, anything else is not found; seconds
 *     that a browser may keep files; asked: told of every request, by its path
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve(instead = {}, { folder = root, below = "/", maxAge = 0, asked } = {}) {
  const policy = await policyOfPage();
  const server = createServer(async (request, response) => {
    const address = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    asked?.(address);
    const answer = instead[address];
    const rest = address.startsWith(below) ? address.slice(below.length) : "..";
    const file = path.join(folder, rest === "" || rest.endsWith("/") ? `${rest}index.html` : rest);
    if (answer?.status !== undefined) {
      const { status, location } = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end();
      return;
    }
    const inside = file.startsWith(folder) && (await stat(file).catch(() => null))?.isFile();
    const body = answer?.body ?? (inside ? await readFile(file) : null);
    if (body === null) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": contentTypes[path.extname(file)] ?? "application/octet-stream",
      "content-length": Buffer.byteLength(body),
      ...(maxAge > 0 ? { "cache-control": `max-age=${maxAge}` } : {}),
      // The tests hold the workers to the page's policy too.
      ...(WORKER.test(address) ? { "content-security-policy": policy } : {}),
    });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const close = () =>
    new Promise((/** @type {(value: void) => void} */ resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${address.port}${below}`, close };
}

/**
 * The tensors of a safetensors file.
 * @param {Buffer} file
 * @returns {Map<string, { shape: number[], values: number[] }>}
 */
export function readSafetensors(file) {
  const headerLength = Number(file.readBigUInt64LE(0));
  const data = 8 + headerLength;
  const header = JSON.parse(file.toString("utf8", 8, data));
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = entry;
    const bytes = Uint8Array.from(file.subarray(data + offsets[0], data + offsets[1]));
    tensors.set(name, { shape, values: readValues(dtype, bytes.buffer) });
  }
  return tensors;
}

/** @param {string} dtype @param {ArrayBuffer} buffer @returns {number[]} */
function readValues(dtype, buffer) {
  switch (dtype) {
    case "F32":
      return Array.from(new Float32Array(buffer));
    case "F64":
      return Array.from(new Float64Array(buffer));
    case "I32":
      return Array.from(new Int32Array(buffer));
    case "I64":
      return Array.from(new BigInt64Array(buffer), Number);
    default:
      throw new Error(`the tests read no ${dtype} tensors`);
  }
}

/**
 * The largest absolute difference of two lists of the same length; NaN counts as infinite.
 * @param {ArrayLike<number>} one
 * @param {ArrayLike<number>} other
 */
export function largestDifference(one, other) {
  if (one.length !== other.length) {
    throw new Error(`${one.length} values cannot be compared with ${other.length}`);
  }
  let largest = 0;
  for (let i = 0; i < one.length; i++) {
    const difference = Math.abs(Number(one[i]) - Number(other[i]));
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference);
  }
  return largest;
}
