/** H1, H2 and H3 (architecture, 5), over generated stages of every kind, both policies and three grids. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  EXCLUSIONS,
  type Exclusion,
  type Grid,
  isOnGrid,
  MODES,
  type Mode,
  PAPER_GRID,
  POLICIES,
  roundAmount,
  type StageDecision,
} from "@openwhisk-harvest/core";
import { casesOf } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { publishedFields } from "../publish.js";
import { decide } from "./decide.js";
import { type DecisionState, decidesStages, type Resource } from "./state.js";
import { dagOf, type FunctionSpec, modelOf, ROOT, stateOf } from "./state.kit.js";

const STAGES = casesOf(100_000);
/** Some states have no stage to decide. */
const RUNS = 1.15 * STAGES;
const RESOURCES: readonly Resource[] = ["cpuCores", "memoryMb"];

const GRIDS: readonly Grid[] = [
  PAPER_GRID,
  { cpuCores: { min: 0.25, max: 2, step: 0.25 }, memoryMb: PAPER_GRID.memoryMb },
  { cpuCores: { min: 0.3, max: 3.1, step: 0.1 }, memoryMb: { min: 100, max: 1000, step: 64 } },
];

const TREES = 5;

/** What five trees say: around one value, more or less of one mind. */
const trees = (least: number, largest: number) =>
  fc
    .record({
      middle: fc.integer({ min: least, max: largest }),
      offsets: fc.array(fc.integer({ min: -100, max: 100 }), { minLength: TREES, maxLength: TREES }),
      spread: fc.constantFrom(0, 0, 0.001, 0.01),
    })
    .map(({ middle, offsets, spread }) => offsets.map((offset) => Math.max(0, middle * (1 + spread * offset))));

const weighted = <T>(usual: T, weight: number, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, ...others.map((arbitrary) => ({ weight: 1, arbitrary })));

/** Whole amounts and quarters as people write them, and odd ones as platforms compute them. */
const cores = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 12 }).map((n) => n / 4),
  fc.integer({ min: 1, max: 7_000_000 }).map((n) => n / 1e6),
);
const memoryMb = fc.oneof(
  fc.integer({ min: 1, max: 16 }).map((n) => n * 128),
  fc.integer({ min: 64, max: 4000 }),
);

const spec = fc
  .record({
    cpuCores: weighted<number | undefined>(undefined, 1, cores, cores, cores, cores, cores, cores),
    memoryMb,
    predictions: fc.tuple(trees(1, 7), trees(50, 3_000), trees(0, 5_000)),
    samples: weighted(20, 9, fc.constantFrom(5, 4, 0)),
    excluded: weighted<Exclusion | undefined>(undefined, 12, fc.constantFrom(...EXCLUSIONS)),
    /** Of U: what the owner leaves to harvesting below and above it. */
    bounds: weighted<[number, number] | undefined>(
      undefined,
      4,
      fc.tuple(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.double({ min: 1, max: 4, noNaN: true })),
    ),
    follows: weighted(false, 5, fc.constant(true)),
  })
  .map(({ cpuCores, memoryMb, predictions: [cpu, memory, workCoreMs], samples, excluded, bounds, follows }) => ({
    follows,
    ...(bounds && {
      bounds: {
        min: { ...(cpuCores !== undefined && { cpuCores: bounds[0] * cpuCores }), memoryMb: bounds[0] * memoryMb },
        max: { ...(cpuCores !== undefined && { cpuCores: bounds[1] * cpuCores }), memoryMb: bounds[1] * memoryMb },
      },
    }),
    user: { ...(cpuCores !== undefined && { cpuCores }), memoryMb },
    cpuCores: cpu,
    memoryMb: memory,
    workCoreMs,
    samples,
    ...(excluded && { excluded }),
  }));

/** One that follows runs in the branch of the one before. */
function inBranches(specs: readonly (FunctionSpec & { readonly follows: boolean })[]): FunctionSpec[] {
  let position = -1;
  return specs.map(({ follows, ...one }) => {
    if (!follows || position < 0) position++;
    return { ...one, position };
  });
}

const states: fc.Arbitrary<DecisionState> = fc
  .record({
    specs: fc.array(spec, { minLength: 0, maxLength: 8, size: "max" }).map(inBranches),
    grid: fc.constantFrom(...GRIDS),
    policy: fc.constantFrom(...POLICIES),
    mode: weighted<Mode>("harvest", 20, fc.constantFrom(...MODES)),
    inputBytes: weighted(1_000, 20, fc.constantFrom(10, 1e9)),
    dagVersion: weighted("v1", 20, fc.constant("v0")),
    hasModel: weighted(true, 20, fc.constant(false)),
    isMap: weighted(false, 20, fc.constant(true)),
  })
  .map(({ specs, dagVersion, hasModel, isMap, ...rest }) => {
    const { model: _, ...state } = stateOf([], rest);
    const dag = dagOf(specs, isMap ? { kind: "map" } : {});
    // There is no forest without trees, as there is no model of a workflow without functions.
    return { ...state, dag, ...(hasModel && specs.length > 0 && { model: modelOf(specs, { dagVersion }) }) };
  });

/**
 * Those whose part of the budget this is, by the rule's words alone (architecture, 5): neither excluded nor untrusted,
 * and with a U of that resource.
 */
function sharersOf(stage: StageDecision, resource: Resource) {
  const takesPart = ({ user, excluded, predicted }: StageDecision["functions"][number]) =>
    predicted !== undefined &&
    predicted.distrust === undefined &&
    (resource === "cpuCores" ? excluded === undefined && user.cpuCores !== undefined : !excluded || excluded === "no-user-cpu");
  const outside = new Set(stage.functions.filter((fn) => !takesPart(fn)).map(({ position }) => position));
  return stage.functions.filter(({ position }) => !outside.has(position)); // a branch shares with all of its functions
}

const sum = (amounts: readonly (number | undefined)[]) => roundAmount(amounts.reduce<number>((total, one) => total + (one as number), 0));

function holdsInvariants(state: DecisionState, stage: StageDecision, seen: Record<string, number>): void {
  seen["stages"] = (seen["stages"] ?? 0) + 1;
  for (const resource of RESOURCES) {
    const verdict = resource === "cpuCores" ? stage.cpu : stage.memory;
    seen[`${resource} ${verdict.reason}`] = (seen[`${resource} ${verdict.reason}`] ?? 0) + 1;
    const sharers = verdict.accepted ? sharersOf(stage, resource) : [];
    const branches = [...new Set(sharers.map(({ position }) => position))].map((at) => sharers.filter(({ position }) => position === at));
    const spent = sum(branches.map((branch) => Math.max(...branch.map((fn) => fn.allocation[resource] as number))));
    const budget = sum(branches.map((branch) => Math.min(...branch.map((fn) => fn.user[resource] as number))));
    // A branch that keeps U for want of anything better counts with it on both sides, also in a sequence whose U
    // differ.
    const kept = branches.filter((branch) => branch.every((fn) => fn.allocation[resource] === fn.user[resource]));
    const own = sum(
      kept.map(
        (branch) =>
          Math.max(...branch.map((fn) => fn.user[resource] as number)) - Math.min(...branch.map((fn) => fn.user[resource] as number)),
      ),
    );
    assert.ok(spent <= roundAmount(budget + own), `H1: ${spent} of ${resource}, B ${budget}`);
    for (const fn of sharers) {
      const amount = fn.allocation[resource] as number;
      const user = fn.user[resource] as number;
      assert.ok(isOnGrid(state.grid[resource], amount) || amount === user, `H2: ${amount}`);
      const bounds = state.dag.functions[fn.index]?.bounds;
      assert.ok(amount >= (bounds?.min?.[resource] ?? 0) - 1e-6 || amount === user, `${amount} is below the action's minimum`);
      assert.ok(
        amount <= (bounds?.max?.[resource] ?? Number.POSITIVE_INFINITY) + 1e-6 || amount === user,
        `${amount} is above the action's maximum`,
      );
    }
    for (const fn of stage.functions)
      if (!sharers.includes(fn)) assert.equal(fn.allocation[resource], fn.user[resource], "H3: not exactly U");
  }
}

describe(`invariants over ${STAGES} generated stages`, () => {
  it("H1: never beyond the budget; H2: harvested allocations lie on the grid; H3: a function that is not harvested has U, exactly", () => {
    const seen: Record<string, number> = {};
    fc.assert(
      fc.property(states, (state) => {
        const draft = decide(state);
        assert.deepEqual(draft.faults, [], "the validator never has to step in");
        assert.equal(draft.stages.length, decidesStages(state.mode) ? 1 : 0);
        for (const stage of draft.stages) holdsInvariants(state, stage, seen);
      }),
      { numRuns: RUNS },
    );
    assert.ok((seen["stages"] ?? 0) >= STAGES);
    for (const wanted of [
      "fits-budget",
      "shorter-stage",
      "ratio-split",
      "exceeds-budget",
      "gain-within-uncertainty",
      "budget-below-minimum",
    ])
      assert.ok(
        seen[`cpuCores ${wanted}`],
        `no generated stage came to ${wanted}, so the property says nothing of it: ${JSON.stringify(seen)}`,
      );
  });

  it("H3: what is published is exactly what was accepted, and an absent value means U", () => {
    fc.assert(
      fc.property(states, (state) => {
        const { faults: _, ...draft } = decide(state);
        const fields = publishedFields({ ...draft, id: `${ROOT}-1`, decidedAtMs: 0 });
        for (const stage of draft.stages)
          for (const fn of stage.functions)
            for (const resource of RESOURCES) assert.equal(fields[fn.astPath]?.[resource] ?? fn.user[resource], fn.allocation[resource]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("equal states give equal decisions", () => {
    fc.assert(
      fc.property(states, (state) => assert.deepEqual(decide(state), decide(state))),
      { numRuns: 500 },
    );
  });
});
