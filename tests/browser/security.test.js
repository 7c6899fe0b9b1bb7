// What the page's content security policy keeps out, and that nothing of the page needs more.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { policyOfPage, root } from "./helpers.js";
import { forgive } from "./policy.js";
import { openSite } from "./site.js";

const site = openSite();

test("the policy lets in the page's own files, and data over https", async () => {
  const policy = new Map(
    (await policyOfPage()).split(";").map((directive) => {
      const [name = "", ...sources] = directive.trim().split(/\s+/);
      return [name, sources.join(" ")];
    }),
  );
  assert.deepEqual(Object.fromEntries(policy), {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self' https:",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
  });
});

test("the policy stands before anything that it has to hold", async () => {
  const html = await readFile(path.join(root, "index.html"), "utf8");
  const policy = html.indexOf("Content-Security-Policy");
  for (const tag of ["<link", "<script", "<style", "<body"]) {
    const at = html.indexOf(tag);
    assert.ok(at === -1 || at > policy, tag);
  }
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)/i);
});

test("scripts, styles and pictures that are slipped in do nothing", async () => {
  const visitor = await site.visit("?device=cpu", { reducedMotion: "reduce" });
  const found = await visitor.page.evaluate(async () => {
    /** @type {string[]} */
    const kept = [];
    addEventListener("securitypolicyviolation", ({ effectiveDirective }) =>
      kept.push(effectiveDirective),
    );
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken'";
    document.body.append(script);
    const handler = document.createElement("p");
    handler.innerHTML = `<img src="web/nothing.png" onerror="document.title = 'taken'">`;
    document.body.append(handler);
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.head.append(style);
    const picture = document.createElement("img");
    picture.src = "https://elsewhere.example/pixel.png";
    document.body.append(picture);
    const frame = document.createElement("iframe");
    frame.src = "https://elsewhere.example/";
    document.body.append(frame);
    const base = document.createElement("base");
    base.href = "https://elsewhere.example/";
    document.head.prepend(base);
    // Later, when the debugger, which may evaluate, is not there any more.
    const evaluated = await new Promise((resolve) =>
      setTimeout(() => {
        try {
          resolve(Function("return 'evaluated'")());
        } catch {
          resolve("refused");
        }
      }),
    );
    const insecure = await fetch("http://elsewhere.example/").then(
      () => "fetched",
      () => "refused",
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { display } = getComputedStyle(document.body);
    return { kept, evaluated, insecure, display, title: document.title, base: document.baseURI };
  });
  assert.equal(found.evaluated, "refused");
  assert.equal(found.insecure, "refused");
  assert.notEqual(found.title, "taken");
  assert.notEqual(found.display, "none");
  assert.ok(found.base.startsWith(site.url));
  for (const directive of [
    "script-src-elem",
    "script-src-attr",
    "style-src-elem",
    "img-src",
    "frame-src",
    "base-uri",
    "script-src",
    "connect-src",
  ]) {
    assert.ok(found.kept.includes(directive), `${directive}: ${found.kept}`);
  }
  assert.ok(forgive().length > 0, "every test would have failed for it");
  await visitor.page.context().close();
});

test("a server of the page that sends it elsewhere is not followed", async (t) => {
  /** @type {string[]} */
  const asked = [];
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200, { "access-control-allow-origin": "*" }).end("{}");
  });
  await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", () => resolve(null)));
  t.after(() => elsewhere.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (elsewhere.address());
  const location = `http://127.0.0.1:${port}/labels.json`;
  const misled = { "/pretrained/mnist/labels.json": { status: 302, location } };
  const visitor = await site.visitWith(t, misled, "?device=cpu", { reducedMotion: "reduce" });
  await visitor.failure.waitFor({ timeout: 60_000 });
  assert.match((await visitor.failure.textContent()) ?? "", /labels\.json could not be fetched/);
  assert.deepEqual(asked, []);
  // The browser's tools speak of the request that it refused to send.
  assert.ok(forgive().every((offence) => offence.includes(location)));
});
