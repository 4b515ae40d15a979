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

const folderOf = (name: string) => fileURLToPath(new URL(`../../workloads/${name}/`, import.meta.url));
/** Of parallel-aes nothing has to be installed or built. */
const isReady = (name: string) => name === "parallel-aes" || existsSync(join(folderOf(name), "dist"));
const notBuilt = (names: readonly string[]) => {
  const missing = names.filter((name) => !isReady(name));
  return missing.length === 0 ? false : `not built: npm ci && npm run build in workloads/${missing.join(", workloads/")}`;
};

describe("workloads", () => {
  it("can be deployed side by side: no two actions share a name", { skip: notBuilt(NAMES) }, () => {
    const jobs = NAMES.map((name) => readJob(join(folderOf(name), "job.yaml")));
    const actions = jobs.flatMap((job) => [job.name, ...job.functions.map((fn) => fn.name)]);
    assert.deepEqual([...new Set(actions)], actions);
  });

  for (const name of NAMES) {
    it(`${name} does what its README promises`, { skip: notBuilt([name]) }, async () => {
      const { selfcheck } = require(join(folderOf(name), "selfcheck.js")) as { selfcheck(): Promise<void> };
      await selfcheck();
    });
  }
});
