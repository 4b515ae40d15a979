/** Where a container's group is, on v1, v2 and hybrid hosts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type GroupFiles, locate, readProcesses, readSample } from "./group-files.js";

const V1 = ["cpu", "cpuacct", "memory"]
  .map((name) => `3${name.length} 20 0:3 / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`)
  .join("\n");
const V2 = "40 20 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
const everything = () => true;

test("v1: each controller where it is mounted, co-mounted ones included", () => {
  assert.deepEqual(locate(V1, "3:memory:/docker/1\n2:cpuacct:/docker/1\n1:cpu:/docker/1\n", everything), {
    version: 1,
    cpu: "/sys/fs/cgroup/cpu/docker/1",
    cpuacct: "/sys/fs/cgroup/cpuacct/docker/1",
    memory: "/sys/fs/cgroup/memory/docker/1",
  });
  const shared = "30 20 0:3 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 20 0:4 / /cg/memory rw - cgroup cgroup rw,memory";
  assert.deepEqual(locate(shared, "2:memory:/d\n1:cpu,cpuacct:/d", everything), {
    version: 1,
    cpu: "/cg/cpu,cpuacct/d",
    cpuacct: "/cg/cpu,cpuacct/d",
    memory: "/cg/memory/d",
  });
});

test("v2, and a hybrid host whose v2 has no memory controller", () => {
  assert.deepEqual(locate(V2, "0::/system.slice/docker-1.scope", everything), {
    version: 2,
    dir: "/sys/fs/cgroup/unified/system.slice/docker-1.scope",
  });
  const memberships = "3:memory:/docker/1\n2:cpuacct:/docker/1\n1:cpu:/docker/1\n0::/docker/1";
  assert.equal(locate(`${V1}\n${V2}`, memberships, (path) => !path.endsWith("memory.current")).version, 1);
});

test("a mount that shows only a part of the tree is looked below; a group outside of all mounts is an error", () => {
  const part = "40 20 0:40 /docker /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
  assert.deepEqual(locate(part, "0::/docker/1", everything), { version: 2, dir: "/sys/fs/cgroup/1" });
  assert.deepEqual(locate(part, "0::/docker", everything), { version: 2, dir: "/sys/fs/cgroup" });
  for (const path of ["/other/1", "/../docker/1", "/dockerish"])
    assert.throws(() => locate(part, `0::${path}`, everything), /no hierarchy/);
  assert.throws(() => locate("", "", everything), /no hierarchy/);
});

/** Stands for the kernel's files, with the lines that Linux 6.1 writes. */
function filesOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), "owh-group-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

const EXPECTED = { atMs: 5, cpuUsageUs: 1_500, workingSetBytes: 6_000, throttledUs: 70, throttledPeriods: 3, oomKills: 2 };

test("both versions' counters are read in the same units", (t) => {
  const v2: GroupFiles = {
    version: 2,
    dir: filesOf(t, {
      "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 3\nthrottled_usec 70\n",
      "memory.current": "8000\n",
      "memory.stat": "anon 5000\nfile 3000\ninactive_file 2000\n",
      "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n",
      "cgroup.procs": "11\n12\n",
    }),
  };
  assert.deepEqual(readSample(v2, 5), EXPECTED);
  assert.deepEqual(readProcesses(v2), [11, 12]);
  const dir = filesOf(t, {
    "cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 70000\n",
    "cpuacct.usage": "1500000\n",
    "memory.usage_in_bytes": "8000\n",
    "memory.stat": "inactive_file 1\ntotal_inactive_file 2000\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
  });
  assert.deepEqual(readSample({ version: 1, cpu: dir, cpuacct: dir, memory: dir }, 5), EXPECTED);
});

test("a group that is gone has no processes, and no sample", () => {
  const gone: GroupFiles = { version: 2, dir: "/no/such/group" };
  assert.deepEqual(readProcesses(gone), []);
  assert.throws(() => readSample(gone, 0), { code: "OWH_NO_CGROUP" });
});
