// A small client of WebDriver (https://www.w3.org/TR/webdriver2/), for WebKit, which Playwright drives only in a build
// of its own. The browser gets a display of its own from Xvfb.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

/** The name by which WebDriver refers to an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/**
 * Starts a browser.
 * @param {string} driver path of WebKitWebDriver
 */
export async function openSession(driver) {
  const screen = ["-screen", "0", "1600x1200x24", "-nolisten", "tcp", "-displayfd", "3"];
  /** @type {import("node:child_process").ChildProcess[]} */
  const programs = [];
  const end = () => programs.forEach((program) => program.kill());
  try {
    const xvfb = await start("Xvfb", screen, process.env);
    programs.push(xvfb);
    const display = await new Promise((resolve) => xvfb.stdio[3]?.once("data", resolve));
    const port = await freePort();
    programs.push(
      await start(driver, [`--port=${port}`, "--host=127.0.0.1"], {
        ...process.env,
        DISPLAY: `:${String(display).trim()}`,
        // No locale: then WebKit calls the visitor's language "C".
        LC_ALL: "C",
        // Root in a container has neither its sandbox nor a graphics driver.
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      }),
    );
    const base = `http://127.0.0.1:${port}`;
    const listens = () => fetch(`${base}/status`).catch(() => null);
    for (let i = 0; i < 100 && (await listens()) === null; i++) await pause();
    const body = { capabilities: { alwaysMatch: {} } };
    const { sessionId, capabilities } = await send("POST", `${base}/session`, body);
    return new Session(`${base}/session/${sessionId}`, capabilities.browserVersion, end);
  } catch (error) {
    end();
    throw error;
  }
}

/** A browser with one page. */
export class Session {
  #base;
  #end;

  /** @param {string} base @param {string} version of the browser @param {() => void} end */
  constructor(base, version, end) {
    this.#base = base;
    this.version = version;
    this.#end = end;
  }

  /** @param {string} command @param {object} body */
  #post(command, body) {
    return send("POST", `${this.#base}/${command}`, body);
  }

  /** Opens a page, and waits until it is loaded. @param {string} url */
  goto = (url) => this.#post("url", { url });

  /** Makes the window so large. @param {number} width @param {number} height */
  resize = (width, height) => this.#post("window/rect", { x: 0, y: 0, width, height });

  /**
   * Calls a function in the page.
   * @template {unknown[]} A
   * @template R
   * @param {(...values: A) => R} run which knows nothing of what is around it here
   * @param {A} values which can be written as JSON
   * @returns {Promise<R>}
   */
  evaluate = (run, ...values) =>
    this.#post("execute/sync", { script: `return (${run})(...arguments)`, args: values });

  /**
   * Waits until a function in the page returns true.
   * @template {unknown[]} A
   * @param {(...values: A) => boolean} holds
   * @param {number} timeout in milliseconds
   * @param {A} values
   */
  async until(holds, timeout, ...values) {
    for (const end = Date.now() + timeout; !(await this.evaluate(holds, ...values)); await pause())
      if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${holds} of ${values}`);
  }

  /** @type {import("./figures.js").AnyPage["$$eval"]} */
  $$eval = (selector, read) =>
    this.#post("execute/sync", {
      script: `return (${read})([...document.querySelectorAll(arguments[0])])`,
      args: [selector],
    });

  /** @type {import("./figures.js").AnyPage["$eval"]} */
  $eval = async (selector, act) =>
    void (await this.$$eval(selector, /** @type {any} */ (`([one]) => (${act})(one)`)));

  /** @type {import("./figures.js").AnyPage["waitForSelector"]} */
  waitForSelector = (selector, { timeout }) =>
    this.until((wanted) => document.querySelector(wanted) !== null, timeout, selector);

  /** @param {string} selector */
  #find = (selector) => this.#post("element", { using: "css selector", value: selector });

  /** @param {string} selector @param {"click" | "value"} command @param {object} [body] */
  async #act(selector, command, body = {}) {
    return this.#post(`element/${(await this.#find(selector))[ELEMENT]}/${command}`, body);
  }

  /** @param {string} selector */
  click = (selector) => this.#act(selector, "click");

  /** Types; a file input takes paths, one in each line. @param {string} selector @param {string} text */
  type = (selector, text) => this.#act(selector, "value", { text });

  /** Draws with the mouse. @param {string} selector @param {{ x: number, y: number }[]} line from the element's middle */
  async draw(selector, line) {
    const origin = await this.#find(selector);
    const moves = line.map((to) => ({ type: "pointerMove", duration: 50, origin, ...to }));
    const down = { type: "pointerDown", button: 0 };
    const actions = [moves[0], down, ...moves.slice(1), { type: "pointerUp", button: 0 }];
    await this.#post("actions", { actions: [{ type: "pointer", id: "mouse", actions }] });
  }

  /** @returns {Promise<Buffer>} what the window shows, as PNG */
  screenshot = async () => {
    // WebKit waits for the next frame, which does not come while nothing changes.
    await this.evaluate(() => {
      const box = document.createElement("p");
      box.style.cssText = "position: fixed; right: 0; bottom: 0; width: 1px; height: 1px";
      document.body.append(box);
      const colours = setInterval(() => {
        box.style.background = box.style.background === "" ? "#808080" : "";
      }, 50);
      setTimeout(() => {
        clearInterval(colours);
        box.remove();
      }, 5000);
    });
    return Buffer.from(await send("GET", `${this.#base}/screenshot`), "base64");
  };

  close = () => send("DELETE", this.#base).finally(this.#end);
}

/** @param {string} method @param {string} url @param {object} [body] @returns {Promise<any>} the answer's value */
async function send(method, url, body) {
  const response = await fetch(url, { method, body: body ? JSON.stringify(body) : null });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebDriver, ${new URL(url).pathname}: ${value.message}`);
  return value;
}

/** @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env */
async function start(program, args, env) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe"], env });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  return child;
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
