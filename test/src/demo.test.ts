// runs alone: it profiles functions, and needs their times to be much the same
/** `npm run demo` as a user runs it, in a process of its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));
const PHASE_KEYS = ["meanMs", "p50Ms", "p99Ms", "stageMeanMs", "stageP99Ms", "cpuUtilization", "memoryUtilization"];

describe("harvest demo", () => {
  const out = mkdtempSync(join(tmpdir(), "hv-out-"));
  after(() => rmSync(out, { recursive: true, force: true }));

  it("prints one JSON object on standard output, writes the page, and leaves nothing running", async () => {
    const { child, stdout } = demo(["--quick", "--json", "--out", out]);
    const [exitCode] = await once(child, "close");
    assert.equal(exitCode, 0);
    assert.equal(stdout().trimEnd().split("\n").length, 1);
    const report = JSON.parse(stdout());

    assert.equal(report.failed, 0);
    assert.ok(report.requests > 0);
    assert.ok(report.grid.cpuCores.step > 0 && report.enforcement);
    const { accuracy, withinAllocation, cpuDemand } = report;
    for (const share of [accuracy, withinAllocation, cpuDemand].flatMap((shares) => Object.values<number>(shares)))
      assert.ok(share >= 0 && share <= 1);
    assert.deepEqual(Object.keys(accuracy), ["cpu", "memory"]);
    assert.deepEqual(Object.keys(cpuDemand), ["accuracy", "withinAllocation"]);
    for (const phase of [report.off, report.harvest]) {
      for (const key of PHASE_KEYS) assert.ok(Number.isFinite(phase[key]), key);
      assert.ok(phase.meanMs > 0 && phase.stageMeanMs > 0 && phase.stageMeanMs < phase.meanMs);
      assert.ok(phase.cpuUtilization > 0 && phase.cpuUtilization <= 1.2);
    }
    assert.equal(report.decision.mode, "harvest");
    assert.deepEqual(JSON.parse(readFileSync(join(out, "demo.json"), "utf8")), report);
    assert.match(readFileSync(join(out, "demo.html"), "utf8"), /<svg[\s\S]*Timeline: harvesting on/);
    assert.deepEqual(leftBy(child), []);
  });

  it("ends cleanly when it is interrupted", async () => {
    const { child, stderr } = demo(["--quick", "--out", out]);
    const closed = once(child, "close");
    let interrupted = false;
    child.stderr?.on("data", () => {
      if (!interrupted && stderr().includes("profile")) interrupted = child.kill("SIGINT"); // a second one would end it at once
    });
    const [exitCode] = await closed;
    assert.equal(exitCode, 1);
    assert.match(stderr(), /error: interrupted/);
    assert.deepEqual(leftBy(child), []);
  });

  it("refuses bad options with a clear error before it starts anything", async () => {
    const { child, stdout, stderr } = demo(["--set", "grid.cpuCores.step=-1", "--set", "no.such.option=1"]);
    const [exitCode] = await once(child, "close");
    assert.equal(exitCode, 1);
    assert.equal(stdout(), "");
    assert.match(stderr(), /no\.such\.option[\s\S]*grid\.cpuCores\.step/);
  });
});

function demo(flags: readonly string[]): { child: ChildProcess; stdout: () => string; stderr: () => string } {
  const child = spawn(process.execPath, [HARVEST, "demo", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream]?.setEncoding("utf8").on("data", (part: string) => {
      texts[stream] += part;
    });
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr };
}

/** Processes in control groups of the demo's, or started by it, that have outlived it. */
function leftBy(child: ChildProcess): string[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const isOurs = readFileSync(`/proc/${entry}/cgroup`, "utf8").includes(`openwhisk-harvest-${child.pid}-`);
      const parent = readFileSync(`/proc/${entry}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1];
      return isOurs || Number(parent) === child.pid;
    } catch {
      return false; // it has ended since it was listed
    }
  });
}
