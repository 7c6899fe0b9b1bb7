// Fetching with progress: several files at once, one count of bytes. A download that breaks off goes on once.

import { sentence } from "../basics/sentence.js";

/** A file could not be fetched. The message is a sentence for the visitor. */
export class DownloadError extends Error {
  /**
   * @param {string} message
   * @param {number} status HTTP status; 0 if there was no answer, or something was wrong with it
   * @param {boolean} [unanswered]
   */
  constructor(message, status, unanswered = false) {
    super(message);
    this.name = "DownloadError";
    this.status = status;
    this.unanswered = unanswered;
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
    this.#update();
  }

  /** @param {number} bytes that have just arrived */
  add(bytes) {
    this.#loaded += bytes;
    this.#update();
  }

  #update() {
    this.#report(this.#loaded, this.#known ? Math.max(this.#total, this.#loaded) : 0);
  }
}

/**
 * @typedef {object} Manners how to ask
 * @property {boolean} [foreign] whether the visitor has allowed to ask another origin; without it no redirect leads there either
 * @property {number} [most] bytes that the answer may have
 * @property {boolean} [fixed] whether the address stands for the same bytes for ever
 */

/** What servers answer where there is no such file; some of them hide what they do not have. */
const MISSING = [401, 403, 404, 410];

/**
 * Whether a download failed because there is no such file, as far as can be told. From another origin no answer at all is
 * what remains of a 404 that other sites may not read.
 * @param {unknown} error
 * @param {Manners} [manners]
 * @returns {error is DownloadError}
 */
export const isMissing = (error, { foreign = false } = {}) =>
  error instanceof DownloadError &&
  (MISSING.includes(error.status) || (foreign && error.status === 0 && error.unanswered));

/** @param {URL} url @returns {string} the part of the address a person recognises */
function shortName(url) {
  const parts = url.pathname.split("/").slice(-3);
  // A commit's hash tells nobody anything.
  return parts.filter((part) => !/^[0-9a-f]{40,}$/.test(part)).join("/");
}

/**
 * Requests a file; an answer other than 2xx, or none, is a DownloadError.
 * @param {URL} url
 * @param {Manners} manners
 * @param {RequestInit} [part] which part of it, where it is not the whole
 * @returns {Promise<Response>}
 */
async function request(url, { foreign = false }, part = {}) {
  let response;
  try {
    response = await fetch(
      url,
      // Another origin learns nothing about this page and its visitor.
      foreign
        ? { ...part, mode: "cors", credentials: "omit", referrerPolicy: "no-referrer" }
        : { ...part, mode: "same-origin" },
    );
  } catch (error) {
    const failed = `${shortName(url)} could not be fetched (${sentence(error)})`;
    throw new DownloadError(
      foreign
        ? `${failed}: ${url.host} did not answer, or does not let other sites read its files.`
        : `${failed}. Check the connection and reload the page.`,
      0,
      true,
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
 * @returns {Promise<Response>}
 */
export async function fetchCounted(url, count) {
  const { body, type } = await download(url, count);
  return new Response(body, { headers: { "content-type": type } });
}

/**
 * Asks for a file whose answer is passed on as it came. What a browser has compiled it keeps for such an answer only, not
 * for the bytes of one. They are counted when they are said to be there.
 * @param {URL} url
 * @param {ByteCount} count
 * @returns {Promise<{ response: Response, arrived: () => void }>}
 */
export async function fetchUntouched(url, count) {
  const response = await request(url, {});
  const size = decodedSize(response);
  count.expect(size);
  return { response, arrived: () => count.add(size) };
}

/**
 * @typedef {object} Download a file that is on its way
 * @property {ReadableStream<Uint8Array<ArrayBuffer>> | null} body null: the file is empty
 * @property {string} type as the server calls it
 * @property {number} size in bytes, 0 if the server does not say
 */

/**
 * Asks for a file, and counts its bytes while they are read. Where the connection breaks off it goes on once.
 * @param {URL} url
 * @param {ByteCount} count
 * @param {Manners} [manners]
 * @returns {Promise<Download>}
 */
async function download(url, count, manners = {}) {
  const { most = Infinity } = manners;
  const response = await request(url, manners);
  const type = response.headers.get("content-type") ?? "";
  if (response.body === null) return { body: null, type, size: 0 };
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
  let reader = response.body.getReader();
  /** Whether the download has broken off before. */
  let resumed = false;
  /** @returns {Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>>} */
  const read = async () => {
    try {
      return await reader.read();
    } catch (error) {
      if (resumed) throw error;
      resumed = true;
      reader = await continued(url, manners, response, received);
      return read();
    }
  };
  /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */
  const body = new ReadableStream({
    async pull(controller) {
      const { done, value } = await read();
      if (done) return controller.close();
      received += value.byteLength;
      // A server may say less than it sends, or nothing.
      if (received > most) {
        reader.cancel().catch(() => {});
        throw refusal();
      }
      count.add(value.byteLength);
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { body, type, size };
}

/** What identifies a version of a file; null if the server says nothing that does. @param {Response} response */
function versionOf({ headers }) {
  const tag = headers.get("etag");
  // A weak tag is about the meaning, not the bytes.
  return tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
}

/**
 * The rest of a file whose download broke off, provided that it is the same file still.
 * @param {URL} url
 * @param {Manners} manners
 * @param {Response} first the answer that broke off
 * @param {number} received bytes of it
 * @returns {Promise<ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>>}
 */
async function continued(url, manners, first, received) {
  const version = versionOf(first);
  /** @type {Record<string, string>} */
  const headers = { range: `bytes=${received}-` };
  // Elsewhere If-Range would have to be allowed first, which few servers do; what comes is compared below.
  if (version !== null && manners.foreign !== true) headers["if-range"] = version;
  // The browser's cache has a part of it, which it would compare in its own way.
  const rest = await request(url, manners, { headers, cache: "no-store" });
  const same = versionOf(rest) === version && (version !== null || manners.fixed === true);
  // Bytes of a packed file cannot be asked for.
  const packed = [first, rest].some((response) => response.headers.has("content-encoding"));
  if (!same || packed || rest.body === null) {
    rest.body?.cancel().catch(() => {});
    throw new DownloadError(
      `${shortName(url)} could not be fetched completely: the connection broke off, and the server does not continue. Try again.`,
      0,
    );
  }
  const reader = rest.body.getReader();
  // 206 is the part that was asked for. With anything else the file begins again, and what is known of it is passed over.
  return rest.status === 206 ? reader : after(reader, received);
}

/**
 * A reader of what follows the first bytes.
 * @param {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>} reader
 * @param {number} bytes
 */
async function after(reader, bytes) {
  let left = bytes;
  /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */
  const rest = new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        const known = Math.min(left, value.byteLength);
        left -= known;
        if (known < value.byteLength) return controller.enqueue(value.subarray(known));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return rest.getReader();
}

/**
 * @param {URL} url
 * @param {ByteCount} count
 * @param {Manners} [manners]
 * @returns {Promise<Uint8Array>}
 */
export async function fetchBytes(url, count, manners) {
  const { body, size } = await download(url, count, manners);
  try {
    return await readWhole(body, size);
  } catch (error) {
    // A RangeError is about memory.
    if (error instanceof DownloadError || error instanceof RangeError) throw error;
    throw new DownloadError(
      `${shortName(url)} could not be fetched completely (${sentence(error)}). Check the connection and reload the page.`,
      0,
    );
  }
}

/**
 * All bytes of a stream. Not by a Response, which does not pass on why its body failed.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} body
 * @param {number} size that it probably has
 */
async function readWhole(body, size) {
  let bytes = new Uint8Array(size);
  let length = 0;
  const reader = body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return length === bytes.length ? bytes : bytes.slice(0, length);
    if (length + value.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, length + value.length));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(value, length);
    length += value.length;
  }
}

/**
 * A file of JSON. A web page in its place, which some servers send for everything, is no such file.
 * @param {URL} url
 * @param {Manners} [manners]
 * @returns {Promise<string>}
 */
export async function fetchText(url, manners) {
  const bytes = await fetchBytes(url, new ByteCount(() => {}), manners);
  const text = new TextDecoder().decode(bytes);
  if (text.trimStart().startsWith("<")) throw pageInstead(url);
  return text;
}

/** @param {URL} url */
export const pageInstead = (url) =>
  new DownloadError(
    `${shortName(url)} could not be fetched: the server sent a web page in its place.`,
    404,
  );

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
    if (isMissing(error, manners)) return undefined;
    throw error;
  }
}
