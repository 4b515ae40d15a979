/**
 * A group that another process has made: v2 against the fake kernel of v2-kernel.kit.ts; v1 in real containers, in
 * docker/.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openGroup } from "./open-group.js";
import { FakeKernel, MOUNT } from "./v2-kernel.kit.js";

const DIR = `${MOUNT}/docker-1`;

function kernelWithContainer(): FakeKernel {
  const kernel = new FakeKernel({ ownPid: 7, ownDir: DIR });
  kernel.handDownTo(MOUNT);
  kernel.files.set("/proc/7/cgroup", "0::/docker-1\n");
  return kernel;
}

describe("a group of another's making", () => {
  it("is found by a process of it, limited, and given back as it was", async () => {
    const kernel = kernelWithContainer();
    const group = openGroup("wsk0_1_guest_hello", 7, kernel.host());
    assert.deepEqual(group.limits(), {});
    await group.setCpuCores(0.5);
    await group.setMemory({ limitMb: 256, highMb: 128 });
    assert.deepEqual(group.limits(), { cpuCores: 0.5, memoryMb: 256, memoryHighMb: 128 });
    await group.setCpuCores(undefined);
    await group.setMemory({ limitMb: "max", highMb: "max" });
    assert.deepEqual(group.limits(), {});
  });

  it("outlives our interest in it", async () => {
    const kernel = kernelWithContainer();
    const group = openGroup("wsk0_1_guest_hello", 7, kernel.host());
    group.read();
    await group.remove();
    assert.ok(kernel.dirs.has(DIR));
  });

  it("is refused when its process is gone", () => {
    const kernel = kernelWithContainer();
    assert.throws(() => openGroup("wsk0_2_guest_gone", 8, kernel.host()), { code: "OWH_NO_CGROUP" });
  });
});
