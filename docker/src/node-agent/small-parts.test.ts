/** The node agent's small parts: names, questions, the records of containers, and what the engine says of limits. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mayBelongTo } from "./container-name.js";
import { ContainerRecords } from "./container-records.js";
import { userLimitsOf } from "./containers.js";
import { containerClaimOf, runEndOf, runStartOf } from "./questions.js";

const ID = "a".repeat(32);

describe("names of containers", () => {
  it("contradict other namespaces, and none when they are prewarmed", () => {
    assert.ok(mayBelongTo("wsk00_3_guest_hello", "guest"));
    assert.ok(mayBelongTo("wskinvoker0_12_userexamplecom_hello", "user@example.com"));
    assert.ok(mayBelongTo("wsk00_1_prewarm_nodejs20", "guest"));
    assert.ok(!mayBelongTo("wsk00_3_guest_hello", "mallory"));
    assert.ok(!mayBelongTo("wsk00_3_guest2_hello", "guest"));
    assert.ok(!mayBelongTo("something else", "guest"));
  });
});

describe("questions of containers", () => {
  it("are taken with what is well-formed in them, and nothing else", () => {
    assert.deepEqual(runStartOf({ activationId: ID, k: "k", d: "d", cold: true, deadlineMs: 5, running: 2, cpuCores: 8 }), {
      activationId: ID,
      harvest: { k: "k", d: "d" },
      cold: true,
      deadlineMs: 5,
      running: 2,
    });
    assert.deepEqual(runStartOf({ activationId: ID, k: "x".repeat(2_000), cold: 1, deadlineMs: "5", running: -1 }), {
      activationId: ID,
      cold: false,
      running: 1,
    });
    assert.deepEqual(containerClaimOf({ namespace: "guest", action: 5 }), { namespace: "guest" });
    assert.deepEqual(runEndOf({ activationId: ID, outcome: "success" }), { activationId: ID, outcome: "success" });
  });

  it("are refused otherwise", () => {
    for (const body of [undefined, null, [], "text", {}, { activationId: "../x" }, { activationId: [ID] }])
      assert.throws(() => runStartOf(body), { code: "OWH_BAD_REQUEST" });
    for (const body of [{}, { namespace: "" }, { namespace: "n".repeat(300) }])
      assert.throws(() => containerClaimOf(body), { code: "OWH_BAD_REQUEST" });
    for (const outcome of ["whisk internal error", "", undefined, {}])
      assert.throws(() => runEndOf({ activationId: ID, outcome }), { code: "OWH_BAD_REQUEST" });
  });
});

describe("the records of containers", () => {
  it("gives back what was written, and leaves out and removes what is no entry", () => {
    const folder = mkdtempSync(join(tmpdir(), "owh-records-"));
    try {
      const records = new ContainerRecords(join(folder, "deep/records"));
      const one = { containerId: "ab".repeat(32), namespace: "guest", action: "hello", held: { cpuCores: 0.5, memoryMb: 256 } };
      const two = { containerId: "cd".repeat(32), namespace: "guest" };
      records.write(one);
      records.write(two);
      records.write({ ...two, held: { memoryMb: 128 } });
      for (const [name, text] of [
        ["torn", '{"v":1,"containerId":"ab'],
        ["other", '{"v":2,"containerId":"abababababab"}'],
        ["path", '{"v":1,"containerId":"../../etc/passwd"}'],
        ["null", "null"],
      ])
        writeFileSync(join(folder, `deep/records/${name}.json`), text as string);
      const read = new ContainerRecords(join(folder, "deep/records")).read();
      assert.deepEqual(
        read.sort((a, b) => a.containerId.localeCompare(b.containerId)),
        [one, { ...two, held: { memoryMb: 128 } }],
      );
      records.remove(one.containerId);
      records.remove(one.containerId);
      assert.equal(readdirSync(join(folder, "deep/records")).length, 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the engine's word", () => {
  it("gives the limits with which a container was created", () => {
    const MB = 1 << 20;
    assert.deepEqual(userLimitsOf({ Memory: 256 * MB, NanoCpus: 5e8 }), { cpuCores: 0.5, memoryMb: 256 });
    assert.deepEqual(userLimitsOf({ Memory: 256 * MB, CpuQuota: 50_000, CpuPeriod: 25_000 }), { cpuCores: 2, memoryMb: 256 });
    assert.deepEqual(userLimitsOf({ Memory: 256 * MB, CpuQuota: 50_000 }), { cpuCores: 0.5, memoryMb: 256 });
    assert.deepEqual(userLimitsOf({ Memory: 256 * MB }), { memoryMb: 256 });
    assert.equal(userLimitsOf({}), undefined);
  });
});
