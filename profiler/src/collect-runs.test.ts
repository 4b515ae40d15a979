import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Decision, PAPER_GRID, type Profile } from "@openwhisk-harvest/core";
import { collectRuns } from "./collect-runs.js";
import { datasetOf } from "./dataset.js";
import { type FakeOpenWhisk, fakeOpenWhisk } from "./fake-openwhisk.kit.js";
import { DAG, fixtureRun } from "./run-fixture.kit.js";

const START_MS = 1_700_000_000_000;
const USER = { cpuCores: 1, memoryMb: 256 };

/** Three runs: undisturbed, harvested, and one without a decision. */
const ordinary = fixtureRun({ run: "ordinary", observe: () => ({ mode: "observe", allocated: USER, throttledMs: 0 }) });
const harvested = fixtureRun({
  run: "harvested",
  startMs: START_MS + 1_000,
  observe: (name) => ({ mode: "harvest", allocated: name.startsWith("b") ? { ...USER, cpuCores: 0.5 } : USER, cpuPeakCores: 0.5 }),
});
const undecided = fixtureRun({ run: "undecided", startMs: START_MS + 2_000 });

function decisionOf(root: string, changes: Partial<Decision> = {}): Decision {
  return { namespace: DAG.namespace, dag: DAG.name, dagVersion: DAG.version, root, inputBytes: 5_000, ...changes } as Decision;
}

describe("collectRuns", () => {
  let openwhisk: FakeOpenWhisk;
  const stored = new Map<string, Profile>();
  const profiles = { put: async (profile: Profile) => void stored.set(profile.observation.activationId, profile) };
  const decisions = new Map<string, Decision>();
  const collect = (sinceMs = START_MS) =>
    collectRuns({
      client: openwhisk.client,
      dag: DAG,
      decisions: { find: async (root: string) => decisions.get(root) },
      profiles,
      grid: PAPER_GRID,
      sinceMs,
    });

  before(async () => {
    openwhisk = await fakeOpenWhisk(() => ({ status: 500, body: {} }));
    openwhisk.add([...ordinary.activations, ...harvested.activations, ...undecided.activations]);
  });
  after(() => openwhisk.close());
  beforeEach(() => {
    stored.clear();
    decisions.clear();
    for (const { root } of [ordinary, harvested]) decisions.set(root, decisionOf(root));
  });

  it("stores one profile per function run of every decided run, with the decision's input size", async () => {
    assert.deepEqual(await collect(), { runs: 2, profiles: 10, undecided: 1, leftOut: 0 });
    assert.deepEqual([...new Set([...stored.values()].map((p) => p.dagInputBytes))], [5_000]);
    assert.deepEqual(new Set([...stored.values()].map((p) => p.root)), new Set([ordinary.root, harvested.root]));
  });

  it("stores nothing twice, from whenever it starts", async () => {
    await collect();
    await collect(START_MS - 60_000);
    assert.equal(stored.size, 10);
    stored.clear();
    assert.deepEqual(await collect(START_MS + 1_000), { runs: 1, profiles: 5, undecided: 1, leftOut: 0 });
  });

  it("leaves to the dataset what shows a demand: harvested branches never do", async () => {
    await collect();
    const { rows, marks } = await datasetOf(stored.values(), DAG);
    assert.deepEqual([marks.unthrottled, marks.harvested], [7, 3]);
    assert.deepEqual([rows.inputBytes.length, rows.cpuCores.length, rows.memoryMb.length], [10, 7, 0]);
  });

  it("passes over runs of another version, and decisions of another DAG", async () => {
    decisions.set(ordinary.root, decisionOf(ordinary.root, { dagVersion: "version-0" }));
    decisions.set(harvested.root, decisionOf(harvested.root, { dag: "other" }));
    assert.deepEqual(await collect(), { runs: 0, profiles: 0, undecided: 3, leftOut: 0 });
    assert.equal(stored.size, 0);
  });

  it("counts function runs whose records are not there", async () => {
    const partial = await fakeOpenWhisk(() => ({ status: 500, body: {} }));
    try {
      partial.add(ordinary.activations.filter((record) => record.name !== "b1"));
      const task = {
        client: partial.client,
        dag: DAG,
        decisions: { find: async () => decisionOf(ordinary.root) },
        profiles,
        grid: PAPER_GRID,
      };
      const collected = await collectRuns({ ...task, sinceMs: START_MS });
      assert.deepEqual([collected.runs, collected.profiles], [1, 4]);
    } finally {
      await partial.close();
    }
  });
});
