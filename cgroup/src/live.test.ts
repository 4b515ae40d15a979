/** On this machine's own control groups, whichever version they are; skipped, with the reason, where none can be written. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.test.support.js";
import { detectEnforcement, type Enforcer } from "./detect.js";
import type { ContainerGroup } from "./group.js";
import { startMonitor } from "./monitor.js";
import { parseStat } from "./parse.js";
import { limitsOfProcess } from "./process-limits.js";
import { topologyOf } from "./topology.js";

const probe = await detectEnforcement({ allow: ["cgroup-v2", "cgroup-v1"] });
await probe.close();
const skip = probe.enforcement === "none" ? `no control group can be written: ${probe.reason}` : false;

const MEASURED_MS = 2_000;

describe(`live ${probe.enforcement}`, { skip }, () => {
  let enforcer: Enforcer;
  let group: ContainerGroup;
  let count = 0;

  before(async () => {
    enforcer = await detectEnforcement({ allow: [probe.enforcement] });
  });
  after(() => enforcer.close());
  afterEach(async () => {
    await group.kill();
    await group.remove();
  });

  async function childInGroup(): Promise<Child> {
    group = await enforcer.createGroup(`test-${count++}`);
    const child = await Child.start();
    await group.add(child.pid);
    return child;
  }

  async function measure(ms: number) {
    const monitor = startMonitor(group, { periodMs: 20, windowMs: 200 });
    await sleep(ms); // the run that is measured
    return monitor.stop();
  }

  it("holds three burning threads to half a core, and counts how long they had to wait", async () => {
    const child = await childInGroup();
    await group.setCpuCores(0.5);
    await child.do("burn", 3);
    const usage = await measure(MEASURED_MS);
    assert.ok(Math.abs(usage.cpuMeanCores - 0.5) <= 0.05, `mean ${usage.cpuMeanCores} cores`);
    assert.ok(usage.cpuPeakCores >= usage.cpuMeanCores);
    assert.ok((usage.throttledMs ?? 0) > MEASURED_MS / 4, `throttled ${usage.throttledMs} ms`);
    assert.ok(usage.samples >= MEASURED_MS / 40, `${usage.samples} samples`);
  });

  it("gives a burning thread its whole core again while it runs, once unlimited", async () => {
    const child = await childInGroup();
    await group.setCpuCores(0.25);
    await child.do("burn", 1);
    const limited = await measure(600);
    await group.setCpuCores(undefined);
    const unlimited = await measure(600);
    assert.ok(unlimited.cpuMeanCores > 2 * limited.cpuMeanCores, `${limited.cpuMeanCores}, then ${unlimited.cpuMeanCores} cores`);
  });

  it("sees memory that a function allocates to within 5 %", async () => {
    const child = await childInGroup();
    const beforeBytes = group.read().workingSetBytes;
    await child.do("hold", 100);
    const grownMb = (group.read().workingSetBytes - beforeBytes) / 2 ** 20;
    assert.ok(Math.abs(grownMb - 100) <= 5, `${grownMb} MB`);
  });

  it("reads limits back from the kernel, by the group and by the process", async () => {
    const child = await childInGroup();
    assert.deepEqual(group.limits(), {});
    await group.setCpuCores(0.75);
    await group.setMemory({ limitMb: 256 });
    assert.deepEqual(group.limits(), { cpuCores: 0.75, memoryMb: 256 });
    assert.deepEqual(limitsOfProcess(child.pid), { cpuCores: 0.75, memoryMb: 256 });
    for (const limitMb of [512, 128, 640]) {
      await group.setMemory({ limitMb });
      assert.equal(group.limits().memoryMb, limitMb);
    }
    await group.setCpuCores(undefined);
    await group.setMemory({ limitMb: "max" });
    assert.deepEqual(group.limits(), {});
  });

  it("H5: refuses to shrink memory below what is in use, and the function lives", async () => {
    const child = await childInGroup();
    await group.setMemory({ limitMb: 256 });
    await child.do("hold", 100);
    await assert.rejects(group.setMemory({ limitMb: 64 }), { code: "OWH_BAD_ALLOCATION" });
    assert.equal(group.limits().memoryMb, 256);
    assert.deepEqual(group.processes(), [child.pid]);
  });

  it("counts a process that the kernel killed at the limit", async () => {
    const child = await childInGroup();
    await group.setMemory({ limitMb: 64 });
    child.doomed("hold", 200);
    await child.exited;
    assert.ok((group.read().oomKills ?? 0) >= 1);
    assert.deepEqual(group.processes(), []);
  });

  it("kills children of children too", async () => {
    const child = await childInGroup();
    const grandchild = await child.do("fork");
    assert.ok(group.processes().includes(grandchild as number));
    await group.kill();
    assert.deepEqual(group.processes(), []);
    await child.exited;
  });

  it("samples cheaply", async () => {
    await childInGroup();
    const rounds = 500;
    const startMs = performance.now();
    for (let i = 0; i < rounds; i++) group.read();
    const usPerSample = ((performance.now() - startMs) * 1_000) / rounds;
    assert.ok(usPerSample < 500, `${usPerSample} us`); // 25 us on an idle machine; 1 ms would be 5 % of a core at 20 ms
  });
});

/** Directories of our groups that a process stands in, from its /proc/<pid>/cgroup. */
function ownDirsOf(memberships: string): string[] {
  const topology = topologyOf(readFileSync("/proc/self/mountinfo", "utf8"), memberships);
  const places = [topology.v2, topology.v1("cpu"), topology.v1("cpuacct"), topology.v1("memory")];
  return places.flatMap((place) => (place?.ownDir.includes("/openwhisk-harvest-") ? [place.ownDir] : []));
}

/** False for a zombie, which a machine whose first process reaps nobody keeps. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !parseStat(readFileSync(`/proc/${pid}/stat`, "utf8")).zombie;
}

describe(`live ${probe.enforcement}: what stays behind`, { skip }, () => {
  it("nothing after close", async () => {
    const enforcer = await detectEnforcement({ allow: [probe.enforcement] });
    const child = await Child.start();
    const group = await enforcer.createGroup("left-running");
    await group.add(child.pid);
    assert.match(readFileSync(`/proc/${child.pid}/cgroup`, "utf8"), /openwhisk-harvest-\d+-\d+\/left-running/);
    await enforcer.close();
    await child.exited;
    assert.throws(() => group.read(), { code: "OWH_NO_CGROUP" });
    assert.deepEqual(group.processes(), []);
  });

  it("a process of ours that was killed leaves groups and orphans, which the next start clears away", async () => {
    // The doomed process makes a group, puts a child into it, and dies by SIGKILL without any clearing up.
    const source = `
      import { spawn } from "node:child_process";
      import { detectEnforcement } from ${JSON.stringify(new URL("./index.js", import.meta.url).href)};
      const enforcer = await detectEnforcement({ allow: [${JSON.stringify(probe.enforcement)}] });
      const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore", detached: true });
      await (await enforcer.createGroup("orphaned")).add(orphan.pid);
      process.stdout.write(String(orphan.pid), () => process.kill(process.pid, "SIGKILL"));`;
    const doomed = spawnSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" });
    assert.equal(doomed.signal, "SIGKILL", doomed.stderr);
    const orphanGroups = readFileSync(`/proc/${doomed.stdout}/cgroup`, "utf8");
    assert.match(orphanGroups, new RegExp(`openwhisk-harvest-${doomed.pid}-0/orphaned`));

    const orphanDirs = ownDirsOf(orphanGroups).map(dirname);
    assert.ok(orphanDirs.length > 0 && orphanDirs.every(existsSync));

    const enforcer = await detectEnforcement({ allow: [probe.enforcement] });
    try {
      assert.ok(!isRunning(Number(doomed.stdout)), "the orphan is killed");
      for (const dir of orphanDirs) assert.ok(!existsSync(dir), dir);
    } finally {
      await enforcer.close();
    }
  });
});
