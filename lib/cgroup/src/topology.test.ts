import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { directoryOf, topologyOf } from "./topology.js";

const line = (root: string, mountPoint: string, type: string, superOptions: string) =>
  `36 31 0:33 ${root} ${mountPoint} rw,nosuid,nodev,noexec,relatime shared:9 - ${type} ${type} ${superOptions}`;

describe("topologyOf", () => {
  it("pure v2: a systemd host", () => {
    const topology = topologyOf(
      line("/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate,memory_recursiveprot"),
      "0::/user.slice/user-1000.slice\n",
    );
    assert.deepEqual(topology.v2, { mountPoint: "/sys/fs/cgroup", ownDir: "/sys/fs/cgroup/user.slice/user-1000.slice" });
    assert.equal(topology.v1("cpu"), undefined);
  });

  it("v1, co-mounted controllers beside a v2 mount without them", () => {
    const topology = topologyOf(
      [
        line("/", "/sys/fs/cgroup/unified", "cgroup2", "rw"),
        line("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
        line("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
      ].join("\n"),
      "5:memory:/user.slice\n4:cpu,cpuacct:/user.slice\n1:name=systemd:/x\n0::/\n",
    );
    assert.deepEqual(topology.v1("cpu"), { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", ownDir: "/sys/fs/cgroup/cpu,cpuacct/user.slice" });
    assert.deepEqual(topology.v1("cpuacct"), topology.v1("cpu"));
    assert.equal(topology.v1("memory")?.ownDir, "/sys/fs/cgroup/memory/user.slice");
  });

  it("v1, every controller a hierarchy of its own, the process elsewhere in each", () => {
    const topology = topologyOf(
      [
        line("/", "/sys/fs/cgroup/cpu", "cgroup", "rw,cpu"),
        line("/", "/sys/fs/cgroup/cpuacct", "cgroup", "rw,cpuacct"),
        line("/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset"),
        line("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
      ].join("\n"),
      "4:memory:/jobs/f5ead6\n3:cpuset:/\n2:cpuacct:/\n1:cpu:/\n0::/\n",
    );
    assert.equal(topology.v1("cpu")?.ownDir, "/sys/fs/cgroup/cpu");
    assert.equal(topology.v1("cpuacct")?.ownDir, "/sys/fs/cgroup/cpuacct");
    assert.equal(topology.v1("memory")?.ownDir, "/sys/fs/cgroup/memory/jobs/f5ead6");
    assert.equal(topology.v2, undefined, "no v2 mount");
  });

  it("inside a container of the host's namespace, whose mount shows only its own group", () => {
    const mounts = line("/docker/abc", "/sys/fs/cgroup/memory", "cgroup", "rw,memory");
    assert.equal(topologyOf(mounts, "4:memory:/docker/abc\n").v1("memory")?.ownDir, "/sys/fs/cgroup/memory");
    assert.equal(topologyOf(mounts, "4:memory:/docker/abc/inner\n").v1("memory")?.ownDir, "/sys/fs/cgroup/memory/inner");
  });

  it("a mount that does not show our group is passed over for one that does", () => {
    const mounts = [line("/docker/abc", "/mnt/theirs", "cgroup", "rw,memory"), line("/", "/mnt/all", "cgroup", "rw,memory")].join("\n");
    assert.equal(topologyOf(mounts, "4:memory:/docker/abcdef\n").v1("memory")?.ownDir, "/mnt/all/docker/abcdef");
  });

  it("a mount point with a blank, and a group with a colon", () => {
    const topology = topologyOf(line("/", "/mnt/my\\040groups", "cgroup", "rw,memory"), "4:memory:/a:b\n");
    assert.equal(topology.v1("memory")?.ownDir, "/mnt/my groups/a:b");
  });
});

describe("directoryOf", () => {
  it("knows nothing of groups outside of the namespace", () => {
    assert.equal(directoryOf({ root: "/", mountPoint: "/sys/fs/cgroup" }, "/../other"), undefined);
    assert.equal(directoryOf({ root: "/..", mountPoint: "/sys/fs/cgroup" }, "/a"), undefined);
    assert.equal(directoryOf({ root: "/docker/abc", mountPoint: "/sys/fs/cgroup" }, "/docker/abcd"), undefined);
  });
});
