/** What the node agent does with containers of another's making: their groups are opened by a process's number, changed, and given back. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { openGroup } from "../open-group.js";
import { groupDirsOf, type LiveCase, measure, withChildInGroup } from "./live-case.kit.js";

const openedAndGivenBack: LiveCase = {
  name: "a group opened by its process is limited for a run, sampled, and left as it was",
  run: (setup) =>
    withChildInGroup(setup, async ({ child, group }) => {
      await group.setCpuCores(0.8);
      await group.setMemory({ limitMb: 256 });
      const asCreated = group.limits();
      const opened = openGroup("opened", child.pid);
      assert.deepEqual(opened.limits(), asCreated);

      await opened.setCpuCores(0.4);
      await opened.setMemory({ limitMb: 320 });
      assert.deepEqual([group.limits().cpuCores, group.limits().memoryMb], [0.4, 320], "in force for the owner, too");
      await child.do("burn", 1);
      const { cpuMeanCores } = await measure(opened, setup, 1_000);
      assert.ok(cpuMeanCores < 0.4 * (1 + setup.tolerance.cpuPeakShare), `${cpuMeanCores} cores under 0.4`);

      await opened.setCpuCores(0.8);
      await opened.setMemory({ limitMb: 256 });
      assert.deepEqual(group.limits(), asCreated);
      const [dir] = groupDirsOf(child.pid);
      await opened.remove();
      assert.ok(existsSync(dir as string), "the group stays its owner's");
    }),
};

export const openedCases: readonly LiveCase[] = [openedAndGivenBack];
