import assert from "node:assert/strict";
import { test } from "node:test";
import { MODEL_TARGETS, type Observation, PAPER_GRID, type Profile, seededRng } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { datasetOf } from "./dataset.js";
import { DAG, idOf, observationOf, syntheticProfiles } from "./run-fixture.kit.js";
import { markOf, showsCpuDemand, showsMemoryDemand } from "./run-mark.js";
import { trainDag } from "./train-dag.js";

const seen = (changes: Partial<Observation>) => observationOf(idOf("a"), "k", changes);
const atUser = { allocated: { cpuCores: 1, memoryMb: 256 }, user: { cpuCores: 1, memoryMb: 256 }, mode: "observe" } as const;

test("demand is only what runs show that nothing held back", () => {
  for (const [changes, mark, cpu, memory] of [
    [{}, "max-allocation", true, true],
    [{ throttledMs: 40 }, "max-allocation", true, true], // at the maximum allocation there is no more to be had
    [{ outcome: "application error" }, "failed", false, false],
    [atUser, "unthrottled", true, false],
    [{ ...atUser, mode: "harvest" }, "unthrottled", true, false], // a decision that left it alone
    [{ ...atUser, throttledMs: 1 }, "throttled", false, false],
    [{ ...atUser, throttledMs: undefined as never }, "throttled", false, false], // not counted is not zero
    [{ ...atUser, mode: "harvest", allocated: { cpuCores: 0.5, memoryMb: 256 } }, "harvested", false, false],
    [{ ...atUser, mode: "harvest", allocated: { cpuCores: 2, memoryMb: 256 } }, "harvested", false, false],
    // A receiver starts with U, and is given more while it runs.
    [{ ...atUser, mode: "harvest", moved: { times: 1, meanCpuCores: 1.9, lastCpuCores: 2, givenBack: false } }, "harvested", false, false],
    [{ ...atUser, mode: "harvest", allocated: { cpuCores: 1, memoryMb: 128 }, memoryPeakMb: 128 }, "harvested", false, false],
    [{ ...atUser, mode: "harvest", allocated: { cpuCores: 1, memoryMb: 128 }, memoryPeakMb: 60 }, "unthrottled", true, false],
    [{ ...atUser, allocated: { memoryMb: 256 }, user: { memoryMb: 256 } }, "unlimited", false, false],
  ] as const) {
    assert.equal(markOf(seen(changes)), mark, JSON.stringify(changes));
    assert.deepEqual([showsCpuDemand(seen(changes)), showsMemoryDemand(seen(changes))], [cpu, memory], JSON.stringify(changes));
  }
});

test("a run under a harvested CPU limit shows no demand, whatever else is true of it", () => {
  const cores = fc.double({ min: 0.25, max: 8, noNaN: true });
  fc.assert(
    fc.property(cores, cores, fc.option(fc.nat(100), { nil: undefined }), cores, (given, asked, throttledMs, peak) => {
      const limits = { allocated: { cpuCores: given, memoryMb: 256 }, user: { cpuCores: asked, memoryMb: 256 } };
      const run = seen({ mode: "harvest", ...limits, cpuPeakCores: peak, throttledMs: throttledMs as never });
      if (given !== asked) assert.equal(showsCpuDemand(run), false);
      assert.equal(showsMemoryDemand(run), false);
    }),
  );
});

const PROFILED = syntheticProfiles(20, seededRng(1));

/** The same functions in production: other runs, under their user allocation. */
function production(changes: Partial<Observation>, share: number): Profile[] {
  return syntheticProfiles(60, seededRng(2)).map((p): Profile => {
    const observation = { ...p.observation, ...atUser, ...changes, activationId: idOf(`production ${p.observation.activationId}`) };
    return { ...p, root: idOf(`production ${p.root}`), observation: { ...observation, cpuPeakCores: p.observation.cpuPeakCores * share } };
  });
}

test("ordinary runs that were not throttled accumulate beside the profiled ones", async () => {
  const { rows, marks } = await datasetOf([...PROFILED, ...production({}, 1)], DAG);
  assert.deepEqual(
    MODEL_TARGETS.map((target) => rows[target].length),
    [400, 400, 100, 400],
  );
  assert.deepEqual([marks["max-allocation"], marks.unthrottled], [100, 300]);
});

test("runs that were held back change no model of what functions need, though their sizes are learnt", async () => {
  const task = { dag: DAG, grid: PAPER_GRID, trees: 10, seed: 1, version: "1", createdAtMs: 0, folds: 0 };
  const alone = await trainDag({ ...task, profiles: PROFILED });
  for (const [changes, mark] of [
    [{ throttledMs: 80 }, "throttled"],
    [{ mode: "harvest", allocated: { cpuCores: 0.25, memoryMb: 256 } }, "harvested"],
    [{ outcome: "application error" }, "failed"],
  ] as const) {
    const profiles = [...PROFILED, ...production(changes, 0.1)];
    const { forests } = await trainDag({ ...task, profiles });
    for (const target of ["cpuCores", "memoryMb", "workCoreMs"] as const) assert.deepEqual(forests[target], alone.forests[target], mark);
    const { marks, rows } = await datasetOf(profiles, DAG);
    assert.equal(marks[mark], 300);
    assert.equal(rows.inputBytes.length, mark === "failed" ? 100 : 400);
  }
});
