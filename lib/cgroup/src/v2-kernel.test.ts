/** The in-memory kernel of the v2 tests keeps the rules that real ones are held to (live.test.ts, vm/v2-in-vm.test.ts). */
import { describe, it } from "node:test";
import { detectEnforcement } from "./detect.js";
import { kernelRules } from "./live/kernel-rules.kit.js";
import { FakeKernel, MOUNT } from "./v2-kernel.kit.js";

describe("the in-memory cgroup v2 kernel", () => {
  for (const { name, check } of kernelRules)
    it(name, async () => {
      const kernel = new FakeKernel({ realRoot: true });
      const enforcer = await detectEnforcement({ host: kernel.host(), allow: ["cgroup-v2"] });
      await enforcer.createGroup("live");
      await enforcer.createGroup("spare");
      const handsDown = `${MOUNT}/openwhisk-harvest-100-0`;
      kernel.pids.set(200, `${handsDown}/live`).set(201, `${handsDown}/spare`);
      check(kernel.fs, { handsDown, leaf: `${handsDown}/live`, member: 200, other: 201 });
    });
});
