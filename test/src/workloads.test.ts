/** Every workload's functions, run in process on a small generated input and asked for true results. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

describe("workloads", () => {
  for (const name of ["parallel-aes", "ml-pipeline", "video-analytics"]) {
    const folder = fileURLToPath(new URL(`../../workloads/${name}/`, import.meta.url));
    const isReady = name === "parallel-aes" || existsSync(join(folder, "dist"));
    const skip = isReady ? false : `not built: npm ci && npm run build in workloads/${name}`;
    it(`${name} does what its README promises`, { skip }, async () => {
      const { selfcheck } = require(join(folder, "selfcheck.js")) as { selfcheck(): Promise<void> };
      await selfcheck();
    });
  }
});
