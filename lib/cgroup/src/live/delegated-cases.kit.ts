/** Cases for an ordinary user of cgroup v2, by what was delegated to them. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { detectEnforcement } from "../detect.js";
import { nodeCgroupFs } from "../fs.js";
import { readTopology } from "../topology.js";
import { holdsThreeThreads } from "./cpu-cases.kit.js";
import { killsDescendants, readsLimitsBack } from "./life-cases.kit.js";
import { groupDirsOf, type LiveCase, withChildInGroup } from "./live-case.kit.js";
import { countsOomKill, seesAllocation } from "./memory-cases.kit.js";

const ownDir = () => readTopology(nodeCgroupFs).v2?.ownDir ?? "";

const belowTheSlice: LiveCase = {
  name: "groups stand in the slice above our own group, and are ours",
  run: (setup) =>
    withChildInGroup(setup, async ({ enforcer, child }) => {
      const slice = dirname(ownDir());
      assert.equal(enforcer.reason, `cgroup v2, below ${slice}.`);
      const [dir = ""] = groupDirsOf(child.pid);
      assert.equal(dirname(dirname(dir)), slice);
      assert.equal(statSync(dir).uid, process.getuid?.());
    }),
};

const stepsAside: LiveCase = {
  name: "our processes step aside into a leaf of our own group, and back again on closing",
  async run(setup) {
    const home = ownDir();
    await withChildInGroup(setup, async ({ enforcer, child, group }) => {
      assert.equal(enforcer.reason, `cgroup v2, below ${home}.`);
      assert.equal(ownDir(), `${home}/openwhisk-harvest-supervisor`);
      assert.equal(groupDirsOf(child.pid)[0], `${home}/openwhisk-harvest-${process.pid}-0/live`);
      await group.setCpuCores(0.5);
      assert.deepEqual(group.limits(), { cpuCores: 0.5 });
    });
    assert.equal(ownDir(), home);
    assert.equal(readFileSync(`${home}/cgroup.subtree_control`, "utf8").trim(), "");
  },
};

const saysWhyNot: LiveCase = {
  name: "says of every group why it cannot be used, and changes nothing",
  async run() {
    const home = ownDir();
    const { enforcement, reason } = await detectEnforcement({ allow: ["cgroup-v2"] });
    assert.equal(enforcement, "none");
    for (const dir of [home, dirname(home)]) assert.ok(reason.includes(`${dir} is not writable`), reason);
    assert.equal(ownDir(), home);
  },
};

export const delegatedCases: Readonly<Record<"slice" | "service" | "nothing", readonly LiveCase[]>> = {
  slice: [belowTheSlice, holdsThreeThreads, seesAllocation, countsOomKill, readsLimitsBack, killsDescendants],
  service: [stepsAside],
  nothing: [saysWhyNot],
};
