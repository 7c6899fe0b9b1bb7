// Workers whose answers a test holds back until it lets them go; what they say before an answer is there is passed on, and kept
// for the test.

/** To be done before there is a page. @param {import("playwright-core").BrowserContext} context */
export const canHoldAnswers = (context) =>
  context.addInitScript(() => {
    const add = Worker.prototype.addEventListener;
    /** @type {(() => void)[]} */
    const held = [];
    /** @type {number[]} */
    const shares = [];
    Object.assign(globalThis, { held, shares });
    Worker.prototype.addEventListener = function (
      /** @type {string} */ type,
      /** @type {any} */ listener,
      /** @type {any} */ options,
    ) {
      add.call(
        this,
        type,
        (event) => {
          const { data } = /** @type {MessageEvent} */ (event);
          const answer = () => listener.call(this, event);
          if (data && "share" in data) shares.push(data.share);
          if (Object(globalThis).hold === true && data && "result" in data) held.push(answer);
          else answer();
        },
        options,
      );
    };
  });

/** @param {import("playwright-core").Page} page */
export const holdAnswers = (page) =>
  page.evaluate(() => {
    const { shares } = Object(globalThis);
    shares.length = 0;
    Object.assign(globalThis, { hold: true });
  });

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number[]>} how much of an evaluation was told to be done, each time
 */
export const sharesTold = (page) => page.evaluate(() => Object(globalThis).shares);

/** @param {import("playwright-core").Page} page */
export const letAnswersGo = (page) =>
  page.evaluate(() => {
    Object.assign(globalThis, { hold: false });
    for (const answer of Object(globalThis).held.splice(0)) answer();
  });
