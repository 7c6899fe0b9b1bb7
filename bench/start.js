// How the published page starts: when it shows something, and how busy its own thread is until then.

import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { launchWithProfile, root, serve } from "../tests/browser/helpers.js";
import { median, row } from "./table.js";

/**
 * The first visits, which are not counted: the page is kept for visits without a connection in the first, and the browser
 * keeps the code that it compiled once for answers of the network, and once for those of the service worker.
 */
const BEFORE = 2;

/** A browser keeps what it has compiled two seconds after it compiled the last of it; the page cannot hear of that. */
const KEEPING = 6000;

/**
 * From navigation to the first guess on the screen, on the CPU, for a visitor who has been here before and has watched for a
 * while, so that the browser has kept the files and what it compiled; and what the page's own thread does until then, which
 * is all that a visitor's scrolling waits for.
 * @param {object} options
 * @param {string} options.modules the published folder, from the root of the repository
 * @param {boolean} options.quick fewer visits
 */
export async function measureStart({ modules, quick }) {
  // As long as GitHub Pages lets files be kept.
  const server = await serve({}, { folder: path.join(root, modules), maxAge: 600 });
  const profile = await mkdtemp(path.join(os.tmpdir(), "walkback-bench-"));
  const context = await launchWithProfile(profile, { webgpu: false });
  try {
    /** @type {{ arrived: number, tasks: number, longest: number }[]} */
    const visits = [];
    for (let i = 0; i < BEFORE + (quick ? 1 : 10); i++) {
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Performance.enable");
      await page.goto(`${server.url}?device=cpu`, { waitUntil: "commit" });
      const { arrived, longest } = await page.evaluate(watchStart);
      const { metrics } = await session.send("Performance.getMetrics");
      const tasks = metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
      if (i < BEFORE) await page.waitForTimeout(KEEPING);
      else visits.push({ arrived: arrived / 1000, tasks: 1000 * tasks, longest });
      await page.close();
    }
    const middle = (/** @type {keyof (typeof visits)[0]} */ what) =>
      median(visits.map((visit) => visit[what]));
    const what = "navigation to the first denoised frame, CPU";
    return [
      row(what, "s", middle("arrived"), null, null, 0.7),
      row(`${what}: all tasks of the page's thread`, "ms", middle("tasks"), null, null),
      row(`${what}: the longest of them`, "ms", middle("longest"), null, null),
    ];
  } finally {
    await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/**
 * In the page: when the first guess is there, in milliseconds, and the longest task until then; 0 where none took 50.
 * @returns {Promise<{ arrived: number, longest: number }>}
 */
function watchStart() {
  let longest = 0;
  /** @param {PerformanceEntry[]} entries */
  const hear = (entries) => {
    longest = Math.max(longest, ...entries.map(({ duration }) => duration));
  };
  const tasks = new PerformanceObserver((list) => hear(list.getEntries()));
  tasks.observe({ type: "longtask", buffered: true });
  return new Promise((resolve) => {
    const look = () => {
      if (document.querySelector("#walk-back[data-revealed]") === null) {
        requestAnimationFrame(look);
        return;
      }
      hear(tasks.takeRecords());
      resolve({ arrived: performance.now(), longest });
    };
    look();
  });
}
