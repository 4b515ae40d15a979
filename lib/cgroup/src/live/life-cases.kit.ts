/** The life of a group: its limits while it runs, its end, and what is left of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { detectEnforcement } from "../detect.js";
import { parseStat } from "../parse.js";
import { limitsOfProcess } from "../process-limits.js";
import { Child } from "./child.kit.js";
import { groupDirsOf, type LiveCase, withChildInGroup } from "./live-case.kit.js";

export const readsLimitsBack: LiveCase = {
  name: "reads limits back from the kernel, by the group and by the process, set and lifted while it runs",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
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
    }),
};

export const killsDescendants: LiveCase = {
  name: "kills children of children too",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      const grandchild = await child.do("fork");
      assert.ok(group.processes().includes(grandchild as number));
      await group.kill();
      assert.deepEqual(group.processes(), []);
      await child.exited;
    }),
};

const leavesNothing: LiveCase = {
  name: "leaves nothing behind after close",
  async run({ enforcement }) {
    const enforcer = await detectEnforcement({ allow: [enforcement] });
    const child = await Child.start();
    const group = await enforcer.createGroup("left-running");
    await group.add(child.pid);
    const dirs = groupDirsOf(child.pid);
    assert.ok(dirs.length > 0 && dirs.every((dir) => /\/openwhisk-harvest-\d+-\d+\/left-running$/.test(dir)), String(dirs));
    await enforcer.close();
    await child.exited;
    for (const dir of dirs) assert.ok(!existsSync(dirname(dir)), dir);
    assert.throws(() => group.read(), { code: "OWH_NO_CGROUP" });
    assert.deepEqual(group.processes(), []);
  },
};

/** False for a zombie, which a machine keeps whose first process reaps none. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !parseStat(readFileSync(`/proc/${pid}/stat`, "utf8")).zombie;
}

/** Makes a group, puts a child into it, and dies by SIGKILL without any clearing up. */
const DOOMED_SOURCE = (enforcement: string) => `
  import { spawn } from "node:child_process";
  import { detectEnforcement } from ${JSON.stringify(new URL("../index.js", import.meta.url).href)};
  const enforcer = await detectEnforcement({ allow: [${JSON.stringify(enforcement)}] });
  const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore", detached: true });
  await (await enforcer.createGroup("orphaned")).add(orphan.pid);
  process.stdout.write(String(orphan.pid), () => process.kill(process.pid, "SIGKILL"));`;

const clearsStaleGroups: LiveCase = {
  name: "a process of ours that was killed leaves groups and orphans, which the next start clears away",
  async run({ enforcement }) {
    const doomed = spawnSync(process.execPath, ["--input-type=module", "-e", DOOMED_SOURCE(enforcement)], { encoding: "utf8" });
    assert.equal(doomed.signal, "SIGKILL", doomed.stderr);
    const orphan = Number(doomed.stdout);
    const bases = groupDirsOf(orphan).map(dirname);
    assert.ok(bases.length > 0 && bases.every((base) => base.endsWith(`/openwhisk-harvest-${doomed.pid}-0`)), String(bases));

    const enforcer = await detectEnforcement({ allow: [enforcement] });
    try {
      assert.ok(!isRunning(orphan), "the orphan is killed");
      for (const base of bases) assert.ok(!existsSync(base), base);
    } finally {
      await enforcer.close();
    }
  },
};

export const lifeCases: readonly LiveCase[] = [readsLimitsBack, killsDescendants, leavesNothing, clearsStaleGroups];
