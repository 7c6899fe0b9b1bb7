// Firefox looks only every 100 ms whether a GPU has finished, and whenever work is submitted
// (https://bugzilla.mozilla.org/show_bug.cgi?id=1870699). So while an answer is awaited there, submits of nothing have it
// look: jax-js found 103 ms for a read-back without them and 1.4 ms with them. It is known by its name, because nothing
// but a measurement would show it, and other browsers gain nothing from it.

/** How long after one the next comes, in milliseconds; browsers make 4 of it after the first few. */
const APART = 1;

/** Chrome's name for itself has Gecko in it, and Firefox on iOS is WebKit under another name. */
const looksSeldom = () => navigator.userAgent.includes(" Firefox/");

/**
 * Has the browser look whether an answer is there, until it is.
 * @param {Promise<unknown>} answer of a mapped buffer
 * @param {readonly GPUDevice[]} devices
 */
export function lookUntil(answer, devices) {
  if (!looksSeldom()) return;
  const look = () => {
    for (const { queue } of devices) queue.submit([]);
    timer = setTimeout(look, APART);
  };
  let timer = setTimeout(look, APART);
  const stop = () => clearTimeout(timer);
  answer.then(stop, stop);
}
