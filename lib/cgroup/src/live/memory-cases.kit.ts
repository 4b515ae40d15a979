/** Memory: what counts as used, what the kernel kills for, and what it is never brought to kill for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { groupDirsOf, type LiveCase, type LiveSetup, withChildInGroup } from "./live-case.kit.js";

const MB = 1 << 20;
const HELD_MB = 100;

export const seesAllocation: LiveCase = {
  name: `sees ${HELD_MB} MB that a function allocates`,
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      const beforeBytes = group.read().workingSetBytes;
      await child.do("hold", HELD_MB);
      const grownMb = (group.read().workingSetBytes - beforeBytes) / MB;
      setup.note(`${grownMb.toFixed(2)} of ${HELD_MB} MB`);
      assert.ok(Math.abs(grownMb - HELD_MB) <= setup.tolerance.memoryShare * HELD_MB, `${grownMb} MB`);
    }),
};

/** All that the kernel charges the group with, page cache included. */
function chargedMb(pid: number, { enforcement }: LiveSetup): number {
  const dirs = groupDirsOf(pid);
  const file = enforcement === "cgroup-v2" ? `${dirs[0]}/memory.current` : `${dirs.at(-1)}/memory.usage_in_bytes`;
  return Number(readFileSync(file, "utf8")) / MB;
}

const leavesOutPageCache: LiveCase = {
  name: "does not count the page cache of files that a function reads, which the kernel charges it with",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      const { path, mb } = setup.uncachedFile();
      const [usedBytes, beforeMb] = [group.read().workingSetBytes, chargedMb(child.pid, setup)];
      assert.equal(await child.do("readOnce", path), mb * MB);
      const cachedMb = chargedMb(child.pid, setup) - beforeMb;
      assert.ok(cachedMb >= 0.9 * mb, `the kernel charged ${cachedMb} MB for reading ${mb} MB`);
      const grownMb = (group.read().workingSetBytes - usedBytes) / MB;
      setup.note(`${cachedMb.toFixed(2)} MB of page cache charged, working set grown by ${grownMb.toFixed(2)} MB`);
      assert.ok(grownMb <= 0.05 * mb, `the working set grew by ${grownMb} MB`);
    }),
};

const refusesToShrink: LiveCase = {
  name: "H5: refuses to shrink memory below what is in use, and the function lives",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      await group.setMemory({ limitMb: 256 });
      await child.do("hold", HELD_MB);
      await assert.rejects(group.setMemory({ limitMb: 64 }), { code: "OWH_BAD_ALLOCATION" });
      assert.equal(group.limits().memoryMb, 256);
      assert.deepEqual(group.processes(), [child.pid]);
    }),
};

export const countsOomKill: LiveCase = {
  name: "counts a process that the kernel killed at the limit",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      await group.setMemory({ limitMb: 96 });
      assert.equal(group.read().oomKills, 0);
      child.doomed("hold", 200);
      await child.exited;
      assert.ok((group.read().oomKills ?? 0) >= 1);
      assert.deepEqual(group.processes(), []);
    }),
};

export const memoryCases: readonly LiveCase[] = [seesAllocation, leavesOutPageCache, refusesToShrink, countsOomKill];
