import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyedNumber, parseCpuList, parseMemberships, parseMountinfo, parsePids, parseStat } from "./parse.js";

describe("parseMountinfo", () => {
  it("keeps control group mounts only, with optional fields or without", () => {
    const text = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:2 - cgroup2 cgroup2 rw,nsdelegate
35 31 0:32 /docker/0a /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
`;
    assert.deepEqual(parseMountinfo(text), [
      { version: 2, root: "/", mountPoint: "/sys/fs/cgroup", controllers: ["rw", "nsdelegate"] },
      { version: 1, root: "/docker/0a", mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["rw", "cpu", "cpuacct"] },
    ]);
  });
});

describe("parseMemberships", () => {
  it("tells v2 from v1 and from named hierarchies", () => {
    assert.deepEqual(parseMemberships("12:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/c:d\n"), [
      { controllers: ["cpu", "cpuacct"], version: 1, path: "/a" },
      { controllers: ["name=systemd"], version: 1, path: "/b" },
      { controllers: [], version: 2, path: "/c:d" },
    ]);
  });
});

describe("keyedNumber", () => {
  const stat = "cache 1\ninactive_file 2\ntotal_inactive_file 3\noom_kill 4\noom_kill_disable 5";
  it("matches whole keys: at the start, in the middle, at an end without a newline", () => {
    assert.deepEqual(
      ["cache", "inactive_file", "total_inactive_file", "oom_kill", "oom_kill_disable", "active_file", "nothing"].map((k) =>
        keyedNumber(stat, k),
      ),
      [1, 2, 3, 4, 5, undefined, undefined],
    );
  });
});

describe("parsePids", () => {
  it("leaves out processes of another PID namespace, which read as 0: kill(0) would reach our own group", () => {
    assert.deepEqual(parsePids("12\n0\n345\n"), [12, 345]);
    assert.deepEqual(parsePids(""), []);
  });
});

describe("parseCpuList", () => {
  it("reads ranges and single CPUs", () => {
    assert.deepEqual(parseCpuList("0-2,5,7-8\n"), [0, 1, 2, 5, 7, 8]);
    assert.deepEqual(parseCpuList("\n"), []);
  });
});

describe("parseStat", () => {
  it("counts fields from the last parenthesis, whatever the command's name", () => {
    const after = "S 7 42 42 0 -1 4194304 100 0 0 0 11 5 3 1 20 0 1 0 98765 1000000 200";
    assert.deepEqual(parseStat(`42 (a) b) 9 (c) ${after}`), { pid: 42, zombie: false, parentPid: 7, cpuTicks: 20, startTicks: 98765 });
    assert.equal(parseStat(`42 (a) ${after.replace("S", "Z")}`).zombie, true);
  });
});
