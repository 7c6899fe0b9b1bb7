// Learning on WebGPU as a visitor has it, and what becomes of it when the GPU is lost. Imitated in software both take minutes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { root } from "../helpers.js";
import { scratch } from "../models.js";
import { openSite } from "../site.js";
import { PATIENCE, assertSame, learnStripes, openSmall } from "../stripes.js";

const site = openSite({ webgpu: true });

describe("learning on WebGPU", { timeout: 4 * PATIENCE }, () => {
  test("is what a visitor gets whose page is there, with walks to see and a model to take along", async (t) => {
    const { page, place, complaints } = await openSmall(site, t, { device: "webgpu" });
    await place.getByText("More", { exact: true }).click();
    await place.getByRole("radio", { name: "nothing" }).check();
    await place.getByRole("button", { name: /^Add \d+ real 0s$/ }).click();
    await place.getByRole("button", { name: "Learn", exact: true }).click();
    await place.getByText("It learns on the GPU.").waitFor({ timeout: PATIENCE });
    const walks = place.getByRole("img", { name: "Sixteen walks after step 0", exact: true });
    await walks.waitFor({ timeout: PATIENCE });
    await page.waitForFunction(
      () => Number(document.querySelector(".teach .readouts dd")?.textContent) >= 3,
      null,
      { timeout: PATIENCE },
    );
    await place.getByRole("button", { name: "Pause", exact: true }).click();
    const coming = page.waitForEvent("download", { timeout: PATIENCE });
    await place.getByRole("button", { name: "Download the model", exact: true }).click();
    const zip = await readFile(await (await coming).path());
    const folder = await scratch(t);
    await writeFile(path.join(folder, "yours.zip"), zip);
    const run = promisify(execFile);
    await run("python3", ["-m", "zipfile", "-e", "yours.zip", "."], { cwd: folder });
    const binary = path.join(root, "target", "release", "walkback");
    const { stdout } = await run(binary, ["info", "--model", path.join(folder, "yours")]);
    assert.match(stdout, /28/);
    assert.deepEqual(complaints, []);
  });

  test("goes on on the CPU from what was kept last where the GPU is lost, and says so", async (t) => {
    const destroy = `
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (...wishes) {
        const device = await requestDevice.apply(this, wishes);
        new BroadcastChannel("learner-faults").onmessage = () => device.destroy();
        return device;
      };`;
    const { page, place } = await openSmall(site, t, { fault: destroy });
    const found = await learnStripes(page, { device: "webgpu", steps: 12, breakAt: 4 });
    assert.equal(found.device, "cpu");
    const said = /^The GPU failed \(.+\), so learning continues on the CPU from step \d+\.$/;
    assert.match(found.notice ?? "", said);
    await place.getByText(said).waitFor();
    const expected = await learnStripes(page, { device: "cpu", steps: 12 });
    assertSame(found.losses, expected.losses);
    assert.equal(found.walks, 16 * 64);
    // What was lost is not asked again.
    const again = await learnStripes(page, { device: "webgpu", steps: 1 });
    assert.equal(again.device, "cpu");
  });
});
