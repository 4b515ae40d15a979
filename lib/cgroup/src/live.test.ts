// runs alone: it measures CPU time under limits
/** On this machine's own control groups, whichever version they are; skipped, with the reason, where none can be written. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { detectEnforcement } from "./detect.js";
import { cpuCases } from "./live/cpu-cases.kit.js";
import { lifeCases } from "./live/life-cases.kit.js";
import type { LiveCase, LiveSetup } from "./live/live-case.kit.js";
import { memoryCases } from "./live/memory-cases.kit.js";
import { openedCases } from "./live/opened-cases.kit.js";
import { v2Cases } from "./live/v2-cases.kit.js";

const probe = await detectEnforcement({ allow: ["cgroup-v2", "cgroup-v1"] });
await probe.close();
const enforcement = probe.enforcement;
const skip = enforcement === "none" ? `no control group can be written: ${probe.reason}` : false;
const FILE_MB = 64;

describe(`live ${enforcement}`, { skip }, () => {
  let folder: string;

  before(() => {
    // Beside the compiled tests, for a temporary folder may lie in memory.
    folder = mkdtempSync(join(import.meta.dirname, "uncached-"));
    writeThrough(join(folder, "file"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const cases: readonly LiveCase[] = [
    ...[...cpuCases, ...memoryCases, ...lifeCases, ...openedCases],
    ...(enforcement === "cgroup-v2" ? v2Cases : []),
  ];
  for (const live of cases)
    it(live.name, async (t) => {
      assert.ok(enforcement === "cgroup-v1" || enforcement === "cgroup-v2");
      const tolerance = { cpuMeanShare: 0.05, cpuPeakShare: 0.05, cpuPeakCores: 0.05, memoryShare: 0.03 };
      const setup: LiveSetup = {
        enforcement,
        windowMs: 100,
        tolerance,
        note: (text) => t.diagnostic(text),
        uncachedFile: () => uncached(join(folder, "file")),
      };
      await live.run(setup);
    });
});

function writeThrough(path: string): void {
  const fd = openSync(path, "w");
  for (let i = 0; i < FILE_MB; i++) writeSync(fd, Buffer.alloc(1 << 20, i));
  fsyncSync(fd);
  closeSync(fd);
}

/** Has dd (coreutils) drop the file from the page cache, so that its next reader is charged with it. */
function uncached(path: string) {
  execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
  return { path, mb: FILE_MB };
}
