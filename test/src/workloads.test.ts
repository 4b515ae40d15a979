/** Every workload's functions, run in process on a small generated input and asked for true results. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readJob } from "@openwhisk-harvest/composer-plugin";

const require = createRequire(import.meta.url);

const NAMES = ["parallel-aes", "ml-pipeline", "video-analytics"];

describe("workloads", () => {
  it("can be deployed side by side: no two actions share a name", () => {
    const jobs = NAMES.map((name) => readJob(fileURLToPath(new URL(`../../workloads/${name}/job.yaml`, import.meta.url))));
    const actions = jobs.flatMap((job) => [job.name, ...job.functions.map((fn) => fn.name)]);
    assert.deepEqual([...new Set(actions)], actions);
  });

  for (const name of NAMES) {
    const folder = fileURLToPath(new URL(`../../workloads/${name}/`, import.meta.url));
    const isReady = name === "parallel-aes" || existsSync(join(folder, "dist"));
    const skip = isReady ? false : `not built: npm ci && npm run build in workloads/${name}`;
    it(`${name} does what its README promises`, { skip }, async () => {
      const { selfcheck } = require(join(folder, "selfcheck.js")) as { selfcheck(): Promise<void> };
      await selfcheck();
    });
  }
});
