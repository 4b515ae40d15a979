/** Detection on v1 hosts that this machine is not: the real kernel's files, seen through a seam that refuses or hides some. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { detectEnforcement } from "./detect.js";
import { type CgroupFs, nodeCgroupFs } from "./fs.js";

const CO_MOUNTED = [
  "36 31 0:33 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct",
  "37 31 0:34 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
].join("\n");
const OWN_GROUPS = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n";

/** A container's v1 mounts in which every change fails with `code`; keeps what was tried. */
function refusingFs(code: string, mountinfo: string): CgroupFs & { tried: string[] } {
  const tried: string[] = [];
  const refuse = (path: string) => {
    tried.push(path);
    throw Object.assign(new Error(`${code}: ${path}`), { code });
  };
  return {
    ...nodeCgroupFs,
    tried,
    read: (path) => (path === "/proc/self/mountinfo" ? mountinfo : path === "/proc/self/cgroup" ? OWN_GROUPS : nodeCgroupFs.read(path)),
    exists: () => false,
    isWritable: () => false,
    makeDir: refuse,
    removeDir: refuse,
    write: refuse,
  };
}

async function detect(fs: CgroupFs) {
  return detectEnforcement({ allow: ["cgroup-v1"], host: { fs, pid: 100 } });
}

describe("cgroup v1: where it cannot be used", () => {
  for (const code of ["EROFS", "EACCES"])
    it(`says so when directories cannot be made (${code})`, async () => {
      const fs = refusingFs(code, CO_MOUNTED);
      const { enforcement, reason } = await detect(fs);
      assert.equal(enforcement, "none");
      assert.match(reason, new RegExp(`cgroup v1: Creating /sys/fs/cgroup/cpu,cpuacct/openwhisk-harvest-100-0 failed: ${code}`));
      assert.deepEqual(fs.tried, ["/sys/fs/cgroup/cpu,cpuacct/openwhisk-harvest-100-0"]);
    });

  it("names the controllers that are not mounted", async () => {
    const { reason } = await detect(refusingFs("EACCES", CO_MOUNTED.split("\n")[1] ?? ""));
    assert.match(reason, /cgroup v1: cpu, cpuacct not mounted here/);
  });
});
