/**
 * What only cgroup v2 has: memory.high, cgroup.kill, and the rules that our in-memory kernel of the other tests claims.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { detectEnforcement } from "../detect.js";
import { nodeCgroupFs } from "../fs.js";
import { kernelRules } from "./kernel-rules.kit.js";
import { groupDirsOf, type LiveCase, withChildInGroup } from "./live-case.kit.js";

const MB = 1 << 20;

const highReclaims: LiveCase = {
  name: "memory.high keeps page cache down and kills no process",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      const [dir] = groupDirsOf(child.pid);
      const highMb = Math.ceil(group.read().workingSetBytes / MB) + 24;
      await group.setMemory({ highMb });
      assert.deepEqual(group.limits(), { memoryHighMb: highMb });
      const { path, mb } = setup.uncachedFile();
      assert.equal(await child.do("readOnce", path), mb * MB);
      const chargedMb = Number(readFileSync(`${dir}/memory.current`, "utf8")) / MB;
      assert.ok(chargedMb <= highMb + 2, `${chargedMb} MB charged above ${highMb} MB`);
      assert.match(readFileSync(`${dir}/memory.events`, "utf8"), /^high [1-9]/m);
      assert.equal(group.read().oomKills, 0);
    }),
};

const highBelowUse: LiveCase = {
  name: "H5: memory.high below what is in use slows down and kills no process, and is lifted while it runs",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      await child.do("hold", 40);
      await group.setMemory({ highMb: 32 });
      await child.do("hold", 1);
      assert.ok(group.read().workingSetBytes > 41 * MB);
      assert.equal(group.read().oomKills, 0);
      await group.setMemory({ highMb: "max" });
      await child.do("hold", 40);
      assert.deepEqual([group.limits(), group.processes()], [{}, [child.pid]]);
    }),
};

const killSwitch: LiveCase = {
  name: "cgroup.kill is there and ends the whole group",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      const [dir] = groupDirsOf(child.pid);
      assert.ok(existsSync(`${dir}/cgroup.kill`));
      await child.do("fork");
      await child.do("burn", 2);
      await group.kill();
      assert.deepEqual(group.processes(), []);
    }),
};

/** A process that does nothing, far cheaper than a child of Node.js. */
const idler = () => spawn("sh", ["-c", "read _"], { stdio: ["pipe", "ignore", "ignore"] }).pid as number;

/** The same rules that the in-memory kernel of v2-kernel.test.ts is held to. */
const ruleCases = kernelRules.map(
  ({ name, check }): LiveCase => ({
    name: `kernel rule: ${name}`,
    async run({ enforcement }) {
      const enforcer = await detectEnforcement({ allow: [enforcement] });
      try {
        const [member, other] = [idler(), idler()];
        await (await enforcer.createGroup("member")).add(member);
        await (await enforcer.createGroup("other")).add(other);
        const [leaf = ""] = groupDirsOf(member);
        check(nodeCgroupFs, { handsDown: dirname(leaf), leaf, member, other });
      } finally {
        await enforcer.close();
      }
    },
  }),
);

export const v2Cases: readonly LiveCase[] = [highReclaims, highBelowUse, killSwitch, ...ruleCases];
