/** Where a container's group is, on v1, v2 and hybrid hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { locate } from "./group-files.js";

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
