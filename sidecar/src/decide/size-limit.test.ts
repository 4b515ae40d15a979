import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DagDescription } from "@openwhisk-harvest/core";
import { splitStages } from "./decide.js";
import { itemStageOf } from "./items.js";
import { fastestSplit } from "./policy-makespan.js";
import { predict } from "./predict.js";
import { sharingOf } from "./sharing.js";
import { MOST_FUNCTIONS, withinSizeLimit } from "./size-limit.js";
import { dagOf, type FunctionSpec, stateOf } from "./state.kit.js";

const SPEC: FunctionSpec = { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 3, memoryMb: 200, workCoreMs: 900 };
const specs = (length: number) => Array.from({ length }, (_, i) => ({ ...SPEC, cpuCores: 1 + (i % 3) }));

/** A stage of each width. */
function dagOfStages(widths: readonly number[]): DagDescription {
  const firsts = widths.map((_, at) => widths.slice(0, at).reduce((sum, width) => sum + width, 0));
  const all = dagOf(specs(widths.reduce((sum, width) => sum + width, 0)));
  const functions = all.functions.map((fn) => {
    const stage = firsts.findLastIndex((first) => first <= fn.index);
    return { ...fn, forkPath: `[${stage}]`, astPath: `[${stage}][${fn.index}]`, position: fn.index - (firsts[stage] ?? 0) };
  });
  const stages = widths.map((width, stage) => ({
    ...{ forkPath: `[${stage}]`, kind: "parallel" as const, width },
    branches: Array<"action">(width).fill("action"),
  }));
  return { ...all, functions, stages };
}

describe("the most that one decision looks at", () => {
  it("is as many stages as hold so many functions; the others keep U, and say why", () => {
    const dag = withinSizeLimit(sharingOf(dagOfStages([600, 500, 400])));
    const state = { ...stateOf(specs(1_500)), dag };
    const { stages } = splitStages(state, predict(state));
    const isTooLarge = stages.map(({ cpu, memory }) => [cpu, memory].map(({ reason }) => reason === "too-many-functions"));
    assert.deepEqual(isTooLarge.flat(), [false, false, true, true, false, false]);
    assert.deepEqual(
      stages.map(({ functions }) => functions.length),
      [600, 0, 400],
    );
    assert.equal(predict(state).size, 1_000);
  });

  it("changes nothing about a composition of that size", () => {
    const dag = sharingOf(dagOfStages([600, 400]));
    assert.deepEqual(withinSizeLimit(dag), dag);
  });

  it("counts the items of a map with each function of its body", () => {
    const body = [0, 0].map((position) => ({ ...SPEC, position }));
    const dag = dagOf(body, { kind: "map", branches: ["sequence"] });
    const fork = (items: number) => ({ forkPath: "[1]", trail: "", forkNo: 0, itemBytes: Array<number>(items).fill(1) });
    assert.equal(itemStageOf(dag, fork(MOST_FUNCTIONS / 2))?.dag.functions.length, MOST_FUNCTIONS);
    const tooMany = itemStageOf(dag, fork(MOST_FUNCTIONS / 2 + 1));
    assert.deepEqual(tooMany?.dag.functions, []);
    const state = { ...stateOf(body), dag: sharingOf(tooMany?.dag ?? dag) };
    assert.equal(splitStages(state, predict(state)).stages[0]?.cpu.reason, "too-many-functions");
  });
});

describe("the cost of a split", () => {
  /** CPU time of the fastest of some tries, which other processes change little. */
  function cpuMs(times: number, work: () => unknown): number {
    const one = () => {
      const { user } = process.cpuUsage();
      for (let n = 0; n < times; n++) work();
      return (process.cpuUsage().user - user) / 1_000;
    };
    return Math.min(...Array.from({ length: 7 }, one));
  }

  it("grows with the steps, not with their product with the functions", () => {
    const axis = { min: 1, max: 8, step: 1 };
    const splitOf = (n: number) => {
      const sharers = Array.from({ length: n }, (_, i) => ({
        user: 4,
        demand: 8,
        workCoreMs: 1_000 + ((i * 7_919) % 1_000),
        workPerTree: Float64Array.of(1),
      }));
      return () => fastestSplit({ axis, budget: 4 * n, sharers });
    };
    const [few, many] = [cpuMs(32, splitOf(250)), cpuMs(1, splitOf(8_000))];
    assert.ok(many < 15 * few, `${many} ms for 8,000 functions, ${few} ms for 32 times 250`);
  });
});
