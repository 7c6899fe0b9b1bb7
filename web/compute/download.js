// Fetching with progress: several files at once, one count of bytes.

import { sentence } from "../basics/sentence.js";

/** A file could not be fetched. The message is a sentence for the visitor. */
export class DownloadError extends Error {
  /** @param {string} message @param {number} status HTTP status, 0 if there was no answer */
  constructor(message, status) {
    super(message);
    this.name = "DownloadError";
    this.status = status;
  }
}

/** Adds up what several downloads have received. */
export class ByteCount {
  #loaded = 0;
  #total = 0;
  #known = true;
  #report;

  /** @param {(loaded: number, total: number) => void} report called as bytes arrive; total 0: not known */
  constructor(report) {
    this.#report = report;
  }

  /** @param {number} bytes size of a file about to arrive, 0 if the server does not say */
  expect(bytes) {
    this.#total += bytes;
    if (bytes === 0) this.#known = false;
    this.#tell();
  }

  /** @param {number} bytes that have just arrived */
  add(bytes) {
    this.#loaded += bytes;
    this.#tell();
  }

  #tell() {
    this.#report(this.#loaded, this.#known ? Math.max(this.#total, this.#loaded) : 0);
  }
}

/**
 * @typedef {object} Manners how to ask
 * @property {boolean} [foreign] whether the visitor has allowed to ask another origin; without it no redirect leads there either
 * @property {number} [most] bytes that the answer may have
 */

/**
 * Whether a download failed because there is no such file.
 * @param {unknown} error
 * @returns {error is DownloadError}
 */
export const isMissing = (error) =>
  error instanceof DownloadError && (error.status === 404 || error.status === 410);

/** @param {URL} url @returns {string} the part of the address a person recognises */
function shortName(url) {
  return url.pathname.split("/").slice(-3).join("/");
}

/**
 * Requests a file; an answer other than 2xx, or none, is a DownloadError.
 * @param {URL} url
 * @param {Manners} manners
 * @returns {Promise<Response>}
 */
async function request(url, { foreign = false }) {
  let response;
  try {
    response = await fetch(
      url,
      // Another origin learns nothing about this page and its visitor.
      foreign
        ? { mode: "cors", credentials: "omit", referrerPolicy: "no-referrer" }
        : { mode: "same-origin" },
    );
  } catch (error) {
    const failed = `${shortName(url)} could not be fetched (${sentence(error)})`;
    throw new DownloadError(
      foreign
        ? `${failed}: ${url.host} did not answer, or does not let other sites read its files.`
        : `${failed}. Check the connection and reload the page.`,
      0,
    );
  }
  if (!response.ok) {
    throw new DownloadError(
      `${shortName(url)} could not be fetched: the server answered ${response.status}.`,
      response.status,
    );
  }
  return response;
}

/**
 * The size a response will have once decoded, 0 if its headers do not say (Content-Length counts the
 * compressed bytes where a Content-Encoding is named).
 * @param {Response} response
 */
function decodedSize(response) {
  if (response.headers.has("content-encoding")) return 0;
  const length = Number(response.headers.get("content-length"));
  return Number.isSafeInteger(length) && length > 0 ? length : 0;
}

/**
 * Fetches a file; the response's body counts its bytes while it is read.
 * @param {URL} url
 * @param {ByteCount} count
 * @param {Manners} [manners]
 * @returns {Promise<Response>}
 */
export async function fetchCounted(url, count, manners = {}) {
  const { most = Infinity } = manners;
  const response = await request(url, manners);
  if (response.body === null) return response;
  const size = decodedSize(response);
  const refusal = () =>
    new DownloadError(
      `${shortName(url)} is larger than ${Math.floor(most / 1e6)} MB, the most that this page opens.`,
      0,
    );
  if (size > most) {
    response.body.cancel().catch(() => {});
    throw refusal();
  }
  count.expect(size);
  let received = 0;
  /** @type {TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>} */
  const meter = new TransformStream({
    transform(chunk, controller) {
      received += chunk.byteLength;
      // A server may say less than it sends, or nothing.
      if (received > most) throw refusal();
      count.add(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
  const headers = { "content-type": response.headers.get("content-type") ?? "" };
  return new Response(response.body.pipeThrough(meter), { headers });
}

/**
 * @param {URL} url
 * @param {ByteCount} count
 * @param {Manners} [manners]
 * @returns {Promise<Uint8Array>}
 */
export async function fetchBytes(url, count, manners) {
  const response = await fetchCounted(url, count, manners);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    // A RangeError is about memory.
    if (error instanceof DownloadError || error instanceof RangeError) throw error;
    throw new DownloadError(
      `${shortName(url)} could not be fetched completely (${sentence(error)}). Check the connection and reload the page.`,
      0,
    );
  }
}

/** @param {URL} url @param {Manners} [manners] @returns {Promise<string>} */
export async function fetchText(url, manners) {
  const bytes = await fetchBytes(url, new ByteCount(() => {}), manners);
  return new TextDecoder().decode(bytes);
}

/**
 * A file that may be missing: undefined where the server says that there is none.
 * @param {URL} url
 * @param {Manners} [manners]
 * @returns {Promise<string | undefined>}
 */
export async function fetchOptionalText(url, manners) {
  try {
    return await fetchText(url, manners);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
