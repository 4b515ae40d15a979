/** Descriptions that older versions have stored are read as what they would be today. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DagDescription, dagDescriptionSchema } from "./dag.js";
import { storedDagSchema } from "./dag-form-1.js";

const user = { cpuCores: 1, cpuSource: "annotation", memoryMb: 256 } as const;
const fn = (index: number, name: string, astPath: string, more: object = {}) => ({
  ...{ index, name: `/guest/${name}`, astPath, kind: "nodejs:20", stage: 0, user },
  ...more,
});
const at = (forkPath: string, position: number, excluded?: string) => ({ forkPath, position, ...(excluded && { excluded }) });
const action = (path: string, name: string) => ({ type: "action", path, name: `/_/${name}` });

/** parallel(sequence(a, b), c, if(f, d), sequence(e, parallel(f, g))), map(h), as composer-plugin stored it at 8b236d0. */
const OLD = {
  ...{ v: 1, namespace: "guest", name: "old", version: "0123456789ab" },
  functions: [
    fn(0, "a", "[0][0][0]", at("[0]", 0, "branch-not-single-action")),
    fn(1, "b", "[0][0][1]", at("[0]", 0, "branch-not-single-action")),
    fn(2, "c", "[0][1]", { ...at("[0]", 1), optedIn: true }),
    fn(3, "d", "[0][2].consequent", at("[0]", 2, "branch-not-single-action")),
    fn(4, "e", "[0][3][0]", at("[0]", 3, "nested-fork")),
    fn(5, "f", "[0][3][1][0]", at("[0][3][1]", 0, "action-off")),
    fn(6, "g", "[0][3][1][1]", at("[0][3][1]", 1, "called-composition")),
    fn(7, "h", "[1][0]", at("[1]", 0, "map-unsupported")),
  ],
  stages: [
    { forkPath: "[0]", kind: "parallel", width: 4, functions: [2] },
    { forkPath: "[0][3][1]", kind: "parallel", width: 2, functions: [] },
    { forkPath: "[1]", kind: "map", width: 0, functions: [], excluded: "map-unsupported" },
  ],
  composition: {
    type: "sequence",
    path: "",
    components: [
      {
        type: "parallel",
        path: "[0]",
        components: [
          { type: "sequence", path: "[0][0]", components: [action("[0][0][0]", "a"), action("[0][0][1]", "b")] },
          action("[0][1]", "c"),
          { type: "if_nosave", path: "[0][2]", test: { type: "function" }, consequent: action("[0][2].consequent", "d") },
          {
            type: "sequence",
            path: "[0][3]",
            components: [
              action("[0][3][0]", "e"),
              { type: "parallel", path: "[0][3][1]", components: [action("[0][3][1][0]", "f"), action("[0][3][1][1]", "g")] },
            ],
          },
        ],
      },
      { type: "map", path: "[1]", components: [action("[1][0]", "h")] },
    ],
  },
};

test("a stored description of form 1 says of every function and branch what it is", () => {
  const dag = storedDagSchema.parse(OLD);
  assert.deepEqual(dagDescriptionSchema.parse(dag), dag, "and nothing beside");
  assert.deepEqual(dag.stages, [
    { forkPath: "[0]", kind: "parallel", width: 4, branches: ["sequence", "action", "varying", "fork-inside"] },
    { forkPath: "[0][3][1]", kind: "parallel", width: 2, branches: ["action", "action"] },
    { forkPath: "[1]", kind: "map", width: 0, branches: ["action"] },
  ]);
  const facts = ({ harvest, role, concurrent }: DagDescription["functions"][number]) => harvest ?? role ?? concurrent;
  assert.deepEqual(dag.functions.map(facts), [undefined, undefined, "harvest", undefined, undefined, "off", "composition", undefined]);
  assert.equal(dag.version, OLD.version, "the models that were trained for it stay its models");
  assert.equal(dag.composition, OLD.composition);
});

test("where the outline has no such fork, what form 1 excluded is all that is known", () => {
  const { stages, functions } = storedDagSchema.parse({ ...OLD, composition: {} });
  assert.deepEqual(
    stages.map(({ branches }) => branches),
    [["varying", "action", "varying", "fork-inside"], ["action", "action"], ["varying"]],
  );
  const noted = OLD.functions.map((one, index) => ({ ...one, excluded: index === 2 ? "concurrency-above-one" : "sequence-action" }));
  const again = storedDagSchema.parse({ ...OLD, functions: noted });
  assert.deepEqual([again.functions[2]?.concurrent, again.functions[0]?.role, functions[0]?.role], [true, "sequence", undefined]);
});

test("today's form is read as it is, and what is neither is refused", () => {
  const today = storedDagSchema.parse(OLD);
  assert.deepEqual(storedDagSchema.parse(today), today);
  for (const broken of [
    { ...OLD, v: 3 },
    { ...today, v: 1 },
    { ...OLD, stages: [{ ...OLD.stages[0], functions: undefined }] },
  ])
    assert.equal(storedDagSchema.safeParse(broken).success, false);
});
