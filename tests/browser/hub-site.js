// A stand-in for the Hugging Face hub, over HTTPS: the same names, addresses, redirects and answers, on this machine. The
// browser is told where the hub is and which certificate that has; the page and its policy are the real ones.

import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import path from "node:path";
import { root } from "./helpers.js";

/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {Record<string, string | Uint8Array>} Files contents by path */

/**
 * @typedef {object} Repository
 * @property {Record<string, Files>} commits by their hashes
 * @property {Record<string, string>} revisions which commit a branch or tag is
 * @property {boolean} [gated] whether its files are for those only whom the owner lets in
 */

/** @typedef {{ method: string, host: string, path: string, headers: Request["headers"] }} Asked */

const folder = path.join(root, "tests", "browser", "hub");
const HUB = "huggingface.co";
const CDN = "cdn.example";
/** Any other server with a model. */
export const STATIC = "static.example";

/** A commit's hash, for tests. @param {string} digit */
export const commit = (digit) => digit.repeat(40);

/** Opens it on two ports of its own; `flags` are for the browser. */
export async function openHub() {
  const key = await readFile(path.join(folder, "test-key.pem"));
  const cert = await readFile(path.join(folder, "test-certificate.pem"));
  /** @type {Asked[]} */
  const asked = [];
  /** @type {Map<string, Repository>} */
  const repositories = new Map();
  /** What the static server answers, by path; null: as if there were no such server. @type {(path: string) => Answer | null} */
  let answer = () => null;
  /** How often the next downloads of large files break off, and what then has become of the file. */
  const breaks = { left: 0, replaced: false };
  /** What the second halves of large files wait for. @type {{ until: Promise<void> | null }} */
  const pause = { until: null };

  /** @param {(request: Request, response: Response, url: URL) => void} handle */
  const server = async (handle) => {
    const https = createServer({ key, cert }, (request, response) => {
      const url = new URL(request.url ?? "/", `https://${request.headers.host}`);
      const { method = "", headers } = request;
      asked.push({ method, host: url.hostname, path: decodeURIComponent(url.pathname), headers });
      // A preflight fails here: the page must not need one.
      if (method !== "GET") response.writeHead(403).end();
      else handle(request, response, url);
    });
    await new Promise((resolve) => https.listen(0, "127.0.0.1", () => resolve(null)));
    const { port } = /** @type {import("node:net").AddressInfo} */ (https.address());
    const close = () =>
      new Promise((/** @type {(value: void) => void} */ resolve) => {
        https.closeAllConnections();
        https.close(() => resolve());
      });
    return { port, close };
  };

  const hub = await server((_, response, url) => {
    if (url.hostname === STATIC)
      return sendAnswer(response, answer(decodeURIComponent(url.pathname)));
    const [, model, revision] =
      /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(url.pathname) ?? [];
    if (model !== undefined) return sendList(response, model, decodeURIComponent(revision ?? ""));
    const [, name = "", at = "", file = ""] =
      /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    return sendFile(response, name, at, file);
  });
  const cdn = await server((request, response, url) => {
    const [, name = "", at = "", file = ""] =
      /^\/([^/]+\/[^/]+)\/([^/]+)\/(.+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const content = repositories.get(name)?.commits[at]?.[file];
    if (content === undefined) return response.writeHead(404, open).end();
    return sendLarge(request, response, Buffer.from(content));
  });

  /** @param {Response} response @param {string} model @param {string} revision */
  function sendList(response, model, revision) {
    const repository = repositories.get(model);
    if (repository === undefined) return refuse(response, 401, "RepoNotFound");
    const sha = repository.revisions[revision] ?? revision;
    const files = repository.commits[sha];
    if (files === undefined) return refuse(response, 404, "RevisionNotFound");
    const siblings = Object.entries(files).map(([rfilename, content]) => ({
      rfilename,
      size: Buffer.byteLength(content),
    }));
    const { gated = false } = repository;
    response.writeHead(200, { ...open, "content-type": "application/json" });
    return response.end(JSON.stringify({ id: model, sha, gated: gated && "manual", siblings }));
  }

  /** @param {Response} response @param {string} name @param {string} at @param {string} file */
  function sendFile(response, name, at, file) {
    const repository = repositories.get(name);
    const sha = repository?.revisions[at] ?? at;
    const content = repository?.commits[sha]?.[file];
    if (repository?.gated === true) return refuse(response, 401, "GatedRepo");
    if (content === undefined) return refuse(response, 404, "EntryNotFound");
    const headers = { ...open, "x-repo-commit": sha };
    if (/\.(safetensors|bin)$/.test(file)) {
      const location = `https://${CDN}/${encodeURI(`${name}/${sha}/${file}`)}`;
      return response.writeHead(302, { ...headers, location }).end();
    }
    response.writeHead(200, { ...headers, "content-type": "text/plain" });
    return response.end(content);
  }

  /** @param {Request} request @param {Response} response @param {Buffer} content */
  function sendLarge(request, response, content) {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const etag = `"${tagOf(content)}${from > 0 && breaks.replaced ? "another" : ""}"`;
    const rest = content.subarray(from);
    response.writeHead(from === 0 ? 200 : 206, {
      ...open,
      etag,
      "content-length": rest.length,
      ...(from > 0 && {
        "content-range": `bytes ${from}-${content.length - 1}/${content.length}`,
      }),
    });
    if (pause.until !== null) {
      const middle = Math.floor(rest.length / 2);
      response.write(rest.subarray(0, middle));
      return pause.until.then(() => response.end(rest.subarray(middle)));
    }
    if (breaks.left === 0) return response.end(rest);
    breaks.left -= 1;
    // What was written is on its way before the connection is cut.
    return response.write(rest.subarray(0, rest.length / 2), () =>
      setTimeout(() => response.destroy(), 300),
    );
  }

  const key256 = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(key256).digest("base64");
  return {
    asked,
    repositories,
    breaks,
    pause,
    /** @param {typeof answer} how */
    serve(how) {
      answer = how;
    },
    flags: [
      `--host-resolver-rules=MAP ${HUB} 127.0.0.1:${hub.port}, MAP ${STATIC} 127.0.0.1:${hub.port}, MAP ${CDN} 127.0.0.1:${cdn.port}`,
      `--ignore-certificate-errors-spki-list=${pin}`,
    ],
    allowed: [`https://${HUB}`, `https://${CDN}`, `https://${STATIC}`],
    /** What was asked of a host. @param {string} [host] */
    pathsOf: (host = HUB) => asked.filter((one) => one.host === host).map((one) => one.path),
    async close() {
      await hub.close();
      await cdn.close();
    },
  };
}

/** @typedef {{ status?: number, body?: string | Uint8Array, closed?: boolean }} Answer closed: other sites may not read it */

/** Other sites may read it, which the hub says of everything. */
const open = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "ETag,X-Repo-Commit,X-Error-Code,Content-Range",
};

/** @param {Response} response @param {Answer | null} answer */
function sendAnswer(response, answer) {
  if (answer === null) return response.destroy();
  const { status = 200, body = "", closed = false } = answer;
  return response.writeHead(status, closed ? {} : open).end(body);
}

/** @param {Response} response @param {number} status @param {string} code */
function refuse(response, status, code) {
  return response.writeHead(status, { ...open, "x-error-code": code }).end(code);
}

/** @param {Buffer} content */
const tagOf = (content) => createHash("sha256").update(content).digest("hex");
