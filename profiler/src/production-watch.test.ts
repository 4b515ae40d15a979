import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Decision, type Model, PAPER_GRID, type Profile, seededRng } from "@openwhisk-harvest/core";
import { JumpingClock } from "@openwhisk-harvest/testkit";
import { type FakeOpenWhisk, fakeOpenWhisk } from "./fake-openwhisk.kit.js";
import { ProductionWatch } from "./production-watch.js";
import { DAG, fixtureRun, syntheticProfiles } from "./run-fixture.kit.js";
import { trainDag } from "./train-dag.js";

const START_MS = 1_700_000_000_000;
const USER = { cpuCores: 1, memoryMb: 256 };

describe("ProductionWatch", () => {
  let openwhisk: FakeOpenWhisk;
  let model: Model;
  const stored = new Map<string, Profile>();
  before(async () => {
    openwhisk = await fakeOpenWhisk(() => ({ status: 500, body: {} }));
    const task = { dag: DAG, grid: PAPER_GRID, trees: 5, seed: 1, version: "1", createdAtMs: START_MS - 1 };
    model = await trainDag({ ...task, profiles: syntheticProfiles(40, seededRng(1)) });
  });
  after(() => openwhisk.close());

  const watchWith = (latest: Model | undefined) =>
    new ProductionWatch({
      client: openwhisk.client,
      namespace: "guest",
      dags: { list: async () => [DAG] },
      models: { latest: async () => latest },
      decisions: {
        find: async (root) =>
          ({ namespace: DAG.namespace, dag: DAG.name, dagVersion: DAG.version, root, inputBytes: 50_000 }) as Partial<Decision> as Decision,
      },
      profiles: { put: async (profile) => void stored.set(profile.observation.activationId, profile) },
      grid: PAPER_GRID,
      clock: Object.assign(new JumpingClock(), { nowMs: () => START_MS }),
    });

  it("makes profiles of ordinary runs, sees each once, and finds that the functions need more than was promised", async () => {
    const watch = watchWith(model);
    const [nothing] = await watch.look();
    assert.deepEqual([nothing?.collected.profiles, nothing?.drift?.verdict], [0, "too-few-runs"]);
    const observe = () => ({ mode: "observe" as const, allocated: USER, throttledMs: 0, cpuTimeMs: 90_000, cpuPeakCores: 6 });
    for (let run = 0; run < 25; run++) openwhisk.add(fixtureRun({ run: `p${run}`, startMs: START_MS + run, observe }).activations);
    for (let look = 0; look < 2; look++) {
      const [looked] = await watch.look();
      assert.deepEqual([looked?.collected.runs, looked?.collected.profiles, stored.size], [25, 125, 125]);
      assert.equal(looked?.drift?.verdict, "drifted");
      assert.ok(looked.drift.quantities.every(({ runs }) => runs === 25));
    }
  });

  it("looks for no drift without a model", async () => {
    const [looked] = await watchWith(undefined).look();
    assert.deepEqual([looked?.collected.profiles, looked?.drift], [125, undefined]);
  });

  it("goes as far back again after a look that failed", async () => {
    const watch = watchWith(model);
    const before = openwhisk.requests.length;
    openwhisk.listFailures.push(400);
    await assert.rejects(watch.look());
    await watch.look();
    const since = openwhisk.requests.slice(before).map((request) => /since=(\d+)/.exec(request)?.[1]);
    assert.equal(new Set(since).size, 1);
  });
});
