// What the page asks for until its first image is there: all that a visitor waits for.

/**
 * The addresses that a page, with its workers, has asked for when figure 1 first shows the network's answer. What the page
 * asks for afterwards is left out, however fast.
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} url
 * @returns {Promise<string[]>} paths, each once
 */
export async function askedBeforeFirstStep(context, url) {
  const page = await context.newPage();
  /** @type {import("playwright-core").Request[]} */
  const requests = [];
  context.on("request", (request) => requests.push(request));
  await page.addInitScript(() => {
    const watch = new MutationObserver(() => {
      if (document.querySelector("#walk-back[data-revealed]") === null) return;
      watch.disconnect();
      Object.assign(window, { firstStepAt: performance.timeOrigin + performance.now() });
    });
    watch.observe(document, { subtree: true, attributeFilter: ["data-revealed"] });
  });
  await page.goto(url);
  const handle = await page.waitForFunction(() => /** @type {any} */ (window).firstStepAt);
  const end = Number(await handle.jsonValue());
  // When a request began is known once it is answered; meanwhile there may be others.
  for (let known = 0; known < requests.length;) {
    known = requests.length;
    await Promise.all(requests.map((request) => request.response()));
  }
  const before = requests.filter((request) => request.timing().startTime <= end);
  await page.close();
  return [...new Set(before.map((request) => new URL(request.url()).pathname))];
}
