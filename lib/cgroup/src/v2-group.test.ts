import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { detectEnforcement } from "./detect.js";
import { limitsOfProcess } from "./process-limits.js";
import { FakeKernel, MOUNT } from "./v2-kernel.kit.js";

const DIR = `${MOUNT}/openwhisk-harvest-100-0/a`;
const MB = 1 << 20;

async function groupOn(kernel: FakeKernel) {
  const enforcer = await detectEnforcement({ host: kernel.host(), allow: ["cgroup-v2"] });
  return enforcer.createGroup("a");
}

describe("V2Group", () => {
  it("reads the documented files into one sample", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const group = await groupOn(kernel);
    kernel.files.set(
      `${DIR}/cpu.stat`,
      "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\nnr_periods 9\nnr_throttled 4\nthrottled_usec 250000\n",
    );
    kernel.files.set(`${DIR}/memory.current`, `${30 * MB}\n`);
    kernel.files.set(`${DIR}/memory.stat`, `anon 5\nfile 9\ninactive_anon 77\nactive_anon 3\ninactive_file ${10 * MB}\nactive_file 2\n`);
    kernel.files.set(`${DIR}/memory.events`, "low 0\nhigh 5\nmax 6\noom 2\noom_kill 1\noom_group_kill 8\n");
    const { atMs, ...rest } = group.read();
    assert.ok(atMs > 0);
    assert.deepEqual(rest, { cpuUsageUs: 1_500_000, throttledUs: 250_000, throttledPeriods: 4, workingSetBytes: 20 * MB, oomKills: 1 });
  });

  it("writes quota and period, and reads back what the kernel says", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const group = await groupOn(kernel);
    assert.deepEqual(group.limits(), {});
    await group.setCpuCores(0.25);
    await group.setMemory({ limitMb: 256, highMb: 128 });
    assert.equal(kernel.files.get(`${DIR}/cpu.max`), "25000 100000\n");
    assert.equal(kernel.files.get(`${DIR}/memory.swap.max`), "0\n", "a limited container gets no swap on top");
    assert.deepEqual(group.limits(), { cpuCores: 0.25, memoryMb: 256, memoryHighMb: 128 });
    await group.setMemory({ highMb: "max" });
    assert.deepEqual(group.limits(), { cpuCores: 0.25, memoryMb: 256 }, "what is absent stays as it is");
    await group.setCpuCores(undefined);
    await group.setMemory({ limitMb: "max" });
    assert.deepEqual(group.limits(), {});
  });

  it("H5: refuses a limit at or below the working set, where the kernel would kill", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const group = await groupOn(kernel);
    kernel.files.set(`${DIR}/memory.current`, `${200 * MB}\n`);
    await assert.rejects(group.setMemory({ limitMb: 200 }), { code: "OWH_BAD_ALLOCATION" });
    assert.deepEqual(group.limits(), {}, "nothing half-written");
    await group.setMemory({ limitMb: 256 });
    kernel.files.set(`${DIR}/memory.current`, `${256 * MB}\n`);
    await group.setMemory({ limitMb: 300 });
    await group.setMemory({ highMb: 128 });
    assert.deepEqual(group.limits(), { memoryMb: 300, memoryHighMb: 128 }, "growing, and memory.high, kill no process");
  });

  it("refuses what is no amount", async () => {
    const group = await groupOn(new FakeKernel({ realRoot: true }));
    for (const amount of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(group.setCpuCores(amount), { code: "OWH_BAD_ALLOCATION" });
      await assert.rejects(group.setMemory({ limitMb: amount }), { code: "OWH_BAD_ALLOCATION" });
      await assert.rejects(group.setMemory({ highMb: amount }), { code: "OWH_BAD_ALLOCATION" });
    }
  });

  it("kills by cgroup.kill where the kernel has it, else one by one", async () => {
    for (const hasSwitch of [true, false]) {
      const kernel = new FakeKernel({ realRoot: true });
      const group = await groupOn(kernel);
      if (!hasSwitch) kernel.files.delete(`${DIR}/cgroup.kill`);
      kernel.pids.set(200, DIR).set(201, DIR);
      await group.kill();
      assert.deepEqual(group.processes(), []);
      assert.equal(kernel.writes.includes("/openwhisk-harvest-100-0/a/cgroup.kill 1"), hasSwitch);
    }
  });

  it("a group that was removed says so", async () => {
    const group = await groupOn(new FakeKernel({ realRoot: true }));
    await group.remove();
    await group.remove();
    assert.deepEqual(group.processes(), []);
    assert.throws(() => group.read(), { code: "OWH_NO_CGROUP" });
    await assert.rejects(group.setCpuCores(1), { code: "OWH_NO_CGROUP" });
  });

  it("gives up on a group that stays busy, or on a process that does not die, after five seconds", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    let nowMs = 0;
    const sleep = async (ms: number) => {
      nowMs += ms;
    };
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep };
    const enforcer = await detectEnforcement({ host: kernel.host({ clock }), allow: ["cgroup-v2"] });
    const group = await enforcer.createGroup("a");
    kernel.pids.set(200, DIR);
    await assert.rejects(group.remove(), { code: "OWH_DEADLINE" });
    kernel.files.delete(`${DIR}/cgroup.kill`);
    kernel.unkillable.add(200);
    await assert.rejects(group.kill(), { code: "OWH_DEADLINE" });
    assert.ok(nowMs >= 10_000 && nowMs < 11_000, `${nowMs} ms`);
    kernel.unkillable.clear();
    await group.kill();
    await group.remove();
  });

  it("adding a process that is gone says so", async () => {
    const group = await groupOn(new FakeKernel({ realRoot: true }));
    await assert.rejects(group.add(999), { code: "OWH_NOT_FOUND" });
  });

  it("limitsOfProcess finds the same limits from the process", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const group = await groupOn(kernel);
    await group.setCpuCores(1.5);
    await group.setMemory({ limitMb: 512 });
    kernel.files.set("/proc/200/cgroup", "0::/openwhisk-harvest-100-0/a\n");
    assert.deepEqual(limitsOfProcess(200, kernel.host()), { cpuCores: 1.5, memoryMb: 512 });
  });
});
