// runs alone: it measures CPU time under limits
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { CpuPool } from "./cpu-pool.js";
import { detectEnforcement, type Enforcer } from "./detect.js";
import { Child } from "./live/child.kit.js";
import { startMonitor } from "./monitor.js";
import { parseCpuList } from "./parse.js";

const probe = await detectEnforcement({ allow: ["affinity"] });
const noTaskset = probe.enforcement === "none" ? probe.reason : false;

describe("CpuPool", () => {
  it("rounds up to whole CPUs, within what there is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.double({ min: 0.01, max: 32, noNaN: true }), (host, cpuCores) => {
        const taken = new CpuPool(Array.from({ length: host }, (_, i) => i)).take(cpuCores);
        assert.equal(taken.length, Math.min(host, Math.ceil(cpuCores)));
        assert.equal(new Set(taken).size, taken.length);
      }),
    );
  });

  it("spreads groups over the CPUs, and takes what was given back", () => {
    const pool = new CpuPool([4, 6]);
    const first = pool.take(1);
    assert.deepEqual([first, pool.take(1), pool.take(2)], [[4], [6], [4, 6]]);
    pool.giveBack(first);
    assert.deepEqual(pool.take(0.5), [4]);
  });
});

describe("without control groups", () => {
  let enforcer: Enforcer | undefined;
  afterEach(async () => {
    await enforcer?.close();
  });

  it("affinity pins every thread, children included, and lets go again", { skip: noTaskset }, async () => {
    enforcer = await detectEnforcement({ allow: ["affinity"] });
    assert.match(enforcer.reason, /cgroup-v2 not allowed here; cgroup-v1 not allowed here/);
    const group = await enforcer.createGroup("pinned");
    const child = await Child.start();
    await child.do("burn", 2);
    const grandchild = (await child.do("fork")) as number;
    await group.add(child.pid);
    await group.setCpuCores(0.5);
    await group.setMemory({ limitMb: 1 });
    assert.deepEqual(group.limits(), { cpuCores: 1 });
    assert.deepEqual([cpusOf(child.pid), cpusOf(grandchild)], [1, 1]);
    const monitor = startMonitor(group, { periodMs: 20, windowMs: 200 });
    await sleep(800); // the run that is measured
    const usage = monitor.stop() ?? assert.fail("its group cannot be read");
    assert.ok(usage.cpuMeanCores <= 1.1, `three threads on one CPU: ${usage.cpuMeanCores} cores`);
    assert.ok(usage.cpuTimeMs > 100, `${usage.cpuTimeMs} ms`);
    assert.equal(usage.throttledMs, undefined);
    await group.setCpuCores(undefined);
    assert.deepEqual([group.limits(), cpusOf(child.pid)], [{}, availableParallelism()]);
    await group.kill();
    assert.deepEqual(group.processes(), []);
  });

  it("none measures memory and CPU time of the tree, enforces nothing, and says why", async () => {
    enforcer = await detectEnforcement({ allow: [] });
    assert.equal(enforcer.enforcement, "none");
    assert.match(enforcer.reason, /^no limit is enforced.*affinity not allowed here/);
    const group = await enforcer.createGroup("watched");
    const child = await Child.start();
    await group.add(child.pid);
    await group.setCpuCores(0.5);
    assert.deepEqual(group.limits(), {});
    const beforeBytes = group.read().workingSetBytes;
    await child.do("hold", 100);
    const grownMb = (group.read().workingSetBytes - beforeBytes) / 2 ** 20;
    assert.ok(Math.abs(grownMb - 100) <= 5, `${grownMb} MB`);
    await assert.rejects(group.add(2 ** 22 + 1), { code: "OWH_NOT_FOUND" });
  });

  it("process-tree.T1, process-tree.T2: a grandchild stays in the tree when its parent dies, and CPU time never goes back", async () => {
    enforcer = await detectEnforcement({ allow: [] });
    const group = await enforcer.createGroup("watched");
    const child = await Child.start();
    await group.add(child.pid);
    const grandchild = (await child.do("fork")) as number;
    assert.ok(group.processes().includes(grandchild));
    process.kill(child.pid, "SIGKILL");
    await child.exited;
    const atFirst = group.read().cpuUsageUs;
    assert.deepEqual(group.processes(), [grandchild]);
    await group.kill();
    assert.ok(group.read().cpuUsageUs >= atFirst);
  });

  it("names a missing taskset", async () => {
    enforcer = await detectEnforcement({ allow: ["affinity"], host: { commandPath: ["/nowhere"] } });
    assert.equal(enforcer.enforcement, "none");
    assert.match(enforcer.reason, /taskset \(util-linux\) is not on the PATH/);
  });
});

function cpusOf(pid: number): number {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  return parseCpuList(list).length;
}
