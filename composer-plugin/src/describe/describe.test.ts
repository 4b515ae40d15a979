/** What a composition is described as: functions, depths, stages, and what their branches are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DagDescription, dagDescriptionSchema } from "@openwhisk-harvest/core";
import { type Composition, composer } from "../composer.js";
import { c, known, NAMESPACE } from "../conductors.kit.js";
import { describeComposition, harvestPositions } from "./describe.js";
import type { KnownAction } from "./functions.js";

const ALL = known("a", "b", "c", "d", "e");

function describe(composition: Composition, actions: readonly KnownAction[] = ALL): DagDescription {
  const dag = describeComposition({ namespace: NAMESPACE, name: "test", compiled: composition.compile(), actions });
  assert.deepEqual(dagDescriptionSchema.parse(dag), dag, "core accepts it");
  return dag;
}

/** `name path depth [fork#position]` of each function. */
function drawn(dag: DagDescription): string[] {
  return dag.functions.map(({ name, astPath, stage, forkPath, position }) =>
    [name.replace(`/${NAMESPACE}/`, ""), astPath || "-", stage, ...(forkPath === undefined ? [] : [`${forkPath}#${position}`])].join(" "),
  );
}

const inline = (params: object) => params;

const CASES: [string, () => Composition, string[], string[]][] = [
  ["a single action", () => c.task("a"), ["a - 0"], []],
  ["a sequence", () => c.sequence("a", "b", "c"), ["a [0] 0", "b [1] 1", "c [2] 2"], []],
  [
    "sequence(a, parallel(b, c), d)",
    () => c.sequence("a", c.parallel("b", "c"), "d"),
    ["a [0] 0", "b [1][0] 1 [1]#0", "c [1][1] 1 [1]#1", "d [2] 2"],
    ["[1] parallel 2: action action"],
  ],
  [
    "branches with inline functions, let, mask, literal, retain, try and finally around their one action",
    () =>
      c.parallel(
        c.sequence(inline, "a", inline),
        c.let({ x: 1 }, c.mask("b")),
        c.sequence(c.literal({ n: 1 }), c.retain("c")),
        c.try("d", inline),
        c.finally("e", inline),
      ),
    ["a [0][1] 0 #0", "b [1][0][0] 0 #1", "c [2][1][0] 0 #2", "d [3].body 0 #3", "e [4].body 0 #4"],
    [" parallel 5: action action action action action"],
  ],
  [
    "a branch of inline functions only",
    () => c.parallel(inline, "a", "b"),
    ["a [1] 0 #1", "b [2] 0 #2"],
    [" parallel 3: inline action action"],
  ],
  [
    "a branch that is a sequence of two actions",
    () => c.sequence(c.parallel(c.sequence("a", "b"), "c"), "d"),
    ["a [0][0][0] 0 [0]#0", "b [0][0][1] 1 [0]#0", "c [0][1] 0 [0]#1", "d [1] 2"],
    ["[0] parallel 2: sequence action"],
  ],
  [
    "branches that are a conditional, a loop, a handler or dynamic",
    () => c.parallel(c.if(inline, "a"), c.repeat(2, "b"), c.try(inline, "c"), c.sequence("d", c.dynamic()), "e"),
    ["a [0].consequent 0 #0", "b [1][0] 0 #1", "c [2].handler 0 #2", "d [3][0] 0 #3", "e [4] 0 #4"],
    [" parallel 5: varying varying varying varying action"],
  ],
  [
    "a nested parallel",
    () => c.sequence(c.parallel(c.sequence("a", c.parallel("b", "c")), "d"), "e"),
    ["a [0][0][0] 0 [0]#0", "b [0][0][1][0] 1 [0][0][1]#0", "c [0][0][1][1] 1 [0][0][1]#1", "d [0][1] 0 [0]#1", "e [1] 2"],
    ["[0] parallel 2: fork-inside action", "[0][0][1] parallel 2: action action"],
  ],
  ["a map", () => c.sequence("a", c.map("b"), "c"), ["a [0] 0", "b [1][0] 1 [1]#0", "c [2] 2"], ["[1] map 0: action"]],
  ["a map over a sequence", () => c.map("a", "b"), ["a [0] 0 #0", "b [1] 1 #0"], [" map 0: sequence"]],
  [
    "a map in a branch",
    () => c.parallel(c.map("a"), "b"),
    ["a [0][0] 0 [0]#0", "b [1] 0 #1"],
    [" parallel 2: fork-inside action", "[0] map 0: action"],
  ],
  [
    "a parallel inside a map",
    () => c.map(c.parallel("a", "b")),
    ["a [0][0] 0 [0]#0", "b [0][1] 0 [0]#1"],
    [" map 0: fork-inside", "[0] parallel 2: action action"],
  ],
  [
    "conditionals: arms start together, after the test",
    () => c.sequence(c.if("a", c.sequence("b", "c"), "d"), "e"),
    ["a [0].test 0", "b [0].consequent[0] 1", "c [0].consequent[1] 2", "d [0].alternate 1", "e [1] 3"],
    [],
  ],
  [
    "loops, tried and finished bodies",
    () => c.sequence(c.while("a", "b"), c.try("c", "d"), c.finally("e", "a")),
    ["a [0].test 0", "b [0].body 1", "c [1].body 2", "d [1].handler 3", "e [2].body 4", "a [2].finalizer 5"],
    [],
  ],
  [
    "a parallel inside a loop",
    () => c.repeat(3, c.parallel("a", "b")),
    ["a [0][0] 0 [0]#0", "b [0][1] 0 [0]#1"],
    ["[0] parallel 2: action action"],
  ],
  [
    "an async, which nothing waits for",
    () => c.sequence("a", c.async("b", "c"), "d"),
    ["a [0] 0", "b [1][0] 1", "c [1][1] 2", "d [2] 1"],
    [],
  ],
  ["one action at several places", () => c.parallel("a", "a"), ["a [0] 0 #0", "a [1] 0 #1"], [" parallel 2: action action"]],
  ["nothing at all", () => c.sequence(), [], []],
];

for (const [name, composition, functions, stages] of CASES)
  test(`Verifies the description of ${name}`, () => {
    const dag = describe(composition());
    assert.deepEqual(drawn(dag), functions);
    assert.deepEqual(
      dag.stages.map(({ forkPath, kind, width, branches }) => `${forkPath} ${kind} ${width}: ${branches.join(" ")}`),
      stages,
    );
    assert.deepEqual(
      dag.functions.map(({ index }) => index),
      functions.map((_, index) => index),
    );
  });

test("Verifies what is described of an action", () => {
  const [base] = known("x") as [KnownAction];
  const actions: KnownAction[] = [
    { ...base, name: "/guest/off", harvest: "off" },
    { ...base, name: "/guest/false", harvest: false },
    { ...base, name: "/guest/observed", harvest: "observe" },
    { ...base, name: "/guest/willing", harvest: true },
    { ...base, name: "/guest/shared", concurrency: 2 },
    { ...base, name: "/guest/list", role: "sequence" },
    { ...base, name: "/guest/inner", role: "composition" },
    { ...base, name: "/guest/foreign", role: "foreign" },
    { ...base, name: "/other/ns" },
  ];
  const names = ["off", "false", "observed", "willing", "shared", "list", "inner", "foreign", "unheard-of", "/other/ns"];
  const dag = describe(c.parallel(...names), actions);
  assert.deepEqual(
    dag.functions.map(({ harvest, concurrent, role }) => harvest ?? concurrent ?? role),
    ["off", "off", "observe", "harvest", true, "sequence", "composition", "foreign", "foreign", undefined],
  );
  assert.deepEqual(dag.stages[0]?.branches, Array(10).fill("action"));
  assert.deepEqual(dag.functions[8]?.user, { cpuSource: "none", memoryMb: 256 });
  assert.deepEqual(
    harvestPositions(dag, actions).map(({ astPath }) => astPath),
    ["[2]", "[3]", "[4]", "[9]"],
    "a key goes to plain actions of ours that have not opted out",
  );
});

test("Verifies where a user allocation comes from", () => {
  const actions: KnownAction[] = [
    { name: "/guest/a", kind: "nodejs:20", memoryLimitMb: 512, cpuCores: 0.5 },
    { name: "/guest/b", kind: "nodejs:20", memoryLimitMb: 8192 + 256 },
    { name: "/guest/c", kind: "nodejs:20", memoryLimitMb: 256 },
  ];
  const compiled = c.sequence("a", "b", "c").compile();
  const users = (platform: { platformCpuCores?: number }) =>
    describeComposition({ namespace: NAMESPACE, name: "test", compiled, actions, ...platform }).functions.map(({ user }) => user);
  assert.deepEqual(users({}), [
    { cpuCores: 0.5, cpuSource: "annotation", memoryMb: 512 },
    { cpuCores: 2, cpuSource: "encoded", memoryMb: 256 },
    { cpuSource: "none", memoryMb: 256 },
  ]);
  assert.deepEqual(users({ platformCpuCores: 1 })[2], { cpuCores: 1, cpuSource: "platform-default", memoryMb: 256 });
});

test("Verifies that the description holds neither code nor data", () => {
  const dag = describe(c.let({ secret: "of-a-let" }, (params) => ({ ...params, secret: "of-a-function" }), c.literal("of-a-literal"), "a"));
  assert.doesNotMatch(JSON.stringify(dag), /of-a-/);
  assert.deepEqual(dag.composition, {
    type: "let",
    path: "",
    declarations: ["secret"],
    components: [
      { type: "function", path: "[0]" },
      { type: "let", path: "[1]", declarations: ["value"], components: [{ type: "function" }] },
      { type: "action", path: "[2]", name: "/_/a" },
    ],
  });
});

test("Verifies that the version follows the composition, what users ask for, and the code, and nothing else", () => {
  const composition = () => c.sequence("a", (params) => params, "b");
  const version = (one: Composition, actions: readonly KnownAction[]) => describe(one, actions).version;
  const actions = known("a", "b");
  const changed = (change: Partial<KnownAction>) => actions.map((one, index) => (index === 0 ? { ...one, ...change } : one));
  const base = version(composition(), actions);
  assert.match(base, /^[0-9a-f]{12}$/);
  assert.equal(version(composition(), [...actions].reverse()), base);
  assert.equal(version(composition(), [...actions, ...known("unused")]), base);
  const others = [
    version(
      c.sequence("a", () => ({}), "b"),
      actions,
    ),
    version(
      c.sequence("b", (params) => params, "a"),
      actions,
    ),
    version(composition(), changed({ memoryLimitMb: 512 })),
    version(composition(), changed({ cpuCores: 2 })),
    version(composition(), changed({ codeHash: "1" })),
    version(composition(), changed({ codeHash: "2" })),
    version(composition(), changed({ role: "foreign" })),
  ];
  assert.equal(new Set([base, ...others]).size, others.length + 1);
});

test("Verifies that bounds, an opt-in and an opt-out are described, and are no reason to train anew", () => {
  const annotations = [{ key: "harvest-max", value: { cpuCores: 2 } }];
  const [plain, free] = known("a", "b");
  const willing = [{ ...(plain as KnownAction), annotations, harvest: true }, free as KnownAction];
  const dag = describe(c.sequence("a", "b"), willing);
  assert.deepEqual(
    dag.functions.map(({ bounds, harvest }) => ({ bounds, harvest })),
    [
      { bounds: { max: { cpuCores: 2 } }, harvest: "harvest" },
      { bounds: undefined, harvest: undefined },
    ],
  );
  const versionOf = (actions: readonly KnownAction[]) => describe(c.sequence("a", "b"), actions).version;
  assert.equal(dag.version, versionOf(known("a", "b")));
  for (const harvest of ["off", false, "observe"])
    assert.equal(versionOf([{ ...(plain as KnownAction), harvest }, free as KnownAction]), dag.version);
});

test("Verifies that what composer 0.12 would not have made is refused", () => {
  const compiled = { ...composer.task("a").compile(), composition: { type: "novel", path: "" } };
  assert.throws(() => describeComposition({ namespace: NAMESPACE, name: "x", compiled, actions: [] }), { code: "OWH_BAD_COMPOSITION" });
});
