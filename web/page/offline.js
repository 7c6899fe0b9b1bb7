// The published page works without a connection after the first visit: service-worker.js keeps its files.

/**
 * Begins to keep the page, where it is published: only then it names a service worker.
 * @param {import("../protocol/messages.js").Device} device what computes
 */
export async function keepOffline(device) {
  const named = document.querySelector('meta[name="service-worker"]')?.getAttribute("content");
  if (named === null || named === undefined) return;
  try {
    await navigator.serviceWorker.register(`${named}?device=${device}`);
  } catch (error) {
    // Not in every browser, nor where it keeps nothing; the page works without.
    console.info(error);
  }
}
