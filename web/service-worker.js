// Keeps the published page for visits without a connection. `cargo xtask dist` writes the list of its files, each with
// its SHA-256, in front of this script; the page itself says behind the ? which device computes, because a visitor needs
// only one of the two modules that compute the network.
//
// All of a version arrives before any of it is used, and it is used when no page of the version before is open: so no
// page mixes files of two versions.

/** @typedef {{ waitUntil: (work: Promise<unknown>) => void }} Lasting */
/** @typedef {{ request: Request, respondWith: (answer: Promise<Response>) => void }} Asked */

const scope = /** @type {any} */ (self);
/** Paths below this script's folder, with the SHA-256 of what lies there. @type {Record<string, string>} */
const files = scope.WALKBACK.files;
const folder = new URL("./", location.href).href;
const device = new URL(location.href).searchParams.get("device");
/** What the other device alone needs; figures do arithmetic with the module for the CPU on any device. */
const spared = device === "webgpu" ? null : "web/pkg/webgpu/";
const kept = Object.entries(files).filter(([path]) => spared === null || !path.startsWith(spared));
/** Other pages of the same origin have caches of their own. */
const ours = `walkback ${folder} `;
const name = `${ours}${scope.WALKBACK.version} ${device}`;

/** @param {ArrayBuffer} bytes */
async function hashOf(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} path the page itself is index.html */
const addressOf = (path) => new URL(path === "index.html" ? "./" : path, folder).href;

/**
 * One file as this version has it.
 * @param {string} path
 * @param {string} hash
 * @param {RequestCache} cache what the browser has already is taken first, and not a second time
 * @returns {Promise<Response>}
 */
async function fetchFile(path, hash, cache = "default") {
  const response = await fetch(addressOf(path), { cache });
  const bytes = await response.arrayBuffer();
  if (response.ok && (await hashOf(bytes)) === hash) {
    const headers = new Headers(response.headers);
    // These are the bytes as they are read, not as they were sent.
    headers.delete("content-encoding");
    headers.set("content-length", String(bytes.byteLength));
    return new Response(bytes, { headers });
  }
  if (cache === "default") return fetchFile(path, hash, "reload");
  throw new Error(`${path} is not that of this version`);
}

async function keep() {
  const cache = await caches.open(name);
  try {
    await Promise.all(
      kept.map(async ([path, hash]) => cache.put(addressOf(path), await fetchFile(path, hash))),
    );
  } catch (error) {
    await caches.delete(name);
    throw error;
  }
}

async function forgetOthers() {
  const names = await caches.keys();
  const old = names.filter((other) => other.startsWith(ours) && other !== name);
  await Promise.all(old.map((other) => caches.delete(other)));
}

const addresses = new Set(kept.map(([path]) => addressOf(path)));

/** @param {Request} request @returns {string | null} what answers it; null: the network */
function answerTo({ method, url, headers }) {
  if (method !== "GET" || headers.has("range")) return null;
  // Settings of the page stand behind a ? and a #.
  const address = url.replace(/[?#].*$/, "").replace(/\/index\.html$/, "/");
  return addresses.has(address) ? address : null;
}

scope.addEventListener("install", (/** @type {Lasting} */ event) => event.waitUntil(keep()));
scope.addEventListener("activate", (/** @type {Lasting} */ event) =>
  event.waitUntil(forgetOthers()),
);
scope.addEventListener("fetch", (/** @type {Asked} */ event) => {
  const address = answerTo(event.request);
  if (address === null) return;
  const answer = async () => {
    const cache = await caches.open(name);
    return (await cache.match(address)) ?? fetch(event.request);
  };
  event.respondWith(answer());
});
