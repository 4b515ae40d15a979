/** A map, decided at its fork, on the real parts. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type BranchKind, type DagDescription, parseTrail } from "@openwhisk-harvest/core";
import { nextRoot, startTestSidecar, type TestSidecar } from "../http/sidecar.kit.js";
import { dagOf, type FunctionSpec, modelOf } from "./state.kit.js";

/** Two functions in a row, of which the models know an even mixture: by hand, whatever their size is. */
const BODY: readonly FunctionSpec[] = [
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 3, memoryMb: 200, workCoreMs: 900, position: 0 },
  { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 3, memoryMb: 200, workCoreMs: 100, position: 0 },
];

function mapDag(name: string, body: BranchKind): DagDescription {
  return { ...dagOf(BODY, { kind: "map", branches: [body] }), name };
}

describe("a map that forks", () => {
  let test: TestSidecar;
  before(async () => {
    test = await startTestSidecar({ flags: ["decision.policy=paper"] });
    await test.stores.dags.put(mapDag("mapped", "sequence"));
    await test.stores.dags.put(mapDag("branching", "varying"));
    for (const dag of ["mapped", "branching"])
      await test.stores.models.put(modelOf(BODY, { dag, version: await test.stores.models.nextVersion("guest", dag) }));
    await test.setMode("harvest");
  });
  after(() => test.close());

  const decide = (root: string, fork: object, dag = "mapped") => test.decide(root, { dag, fork });
  const fork = { forkPath: "[1]", trail: "[0].0#1", forkNo: 2, itemBytes: [100, 200, 300] };

  it("is decided for its items: as many branches, a budget of as many U, fields of that fork alone", async () => {
    const root = nextRoot();
    await test.decide(root, { dag: "mapped" });
    const { status, body } = await decide(root, fork);
    assert.deepEqual([status, body.mode, body.published], [200, "harvest", true]);
    assert.deepEqual(body.stages[0].memory, { accepted: true, reason: "fits-budget" });
    const decision = (await test.ask("GET", `/v1/decisions/${body.id}`)).body;
    assert.equal(decision.stages[0].budget.memoryMb, 3 * 512);
    assert.deepEqual(decision.stages[0].fork, { trail: "[0].0#1", forkNo: 2 });
    assert.deepEqual(
      decision.stages[0].functions.map((fn: { index: number; position: number; predicted: { inputBytes: { mean: number } } }) => [
        fn.index,
        fn.position,
        fn.predicted.inputBytes.mean,
      ]),
      [
        [0, 0, 100],
        [1, 0, 200],
        [0, 1, 200],
        [1, 1, 200],
        [0, 2, 300],
        [1, 2, 200],
      ],
    );
    const at = (trail: string, astPath: string) => test.allocations.lookup({ root, trail: parseTrail(trail), astPath });
    for (const position of [0, 1, 2])
      for (const astPath of ["[1][0]", "[1][1]"])
        assert.equal((await at(`[0].0#1/[1].2#${position}`, astPath)).allocation?.decision, body.id);
    assert.equal((await at("[0].0#1/[1].3#0", "[1][0]")).allocation, undefined, "another round");
    assert.equal((await at("[0].0#1/[1].2#3", "[1][0]")).allocation, undefined, "another item");
  });

  it("keeps U when its body varies, when there is no such map, and when it has one item", async () => {
    const one = { ...fork, itemBytes: [100] };
    for (const [asked, dag] of [
      [fork, "branching"],
      [{ ...fork, forkPath: "[7]" }, "mapped"],
      [one, "mapped"],
    ] as const) {
      const { status, body } = await decide(nextRoot(), asked, dag);
      assert.deepEqual([status, body.mode, body.published, body.unpublished], [200, "harvest", false, "nothing-accepted"]);
    }
  });

  it("is refused when the request is malformed or too wide", async () => {
    const cases = [
      { ...fork, trail: "x" },
      { ...fork, forkPath: "x" },
      { ...fork, itemBytes: [-1] },
      { ...fork, itemBytes: [] },
      { ...fork, itemBytes: Array(1_001).fill(1) },
    ];
    for (const asked of cases) assert.equal((await decide(nextRoot(), asked)).status, 400);
  });
});
