/** Small models and DAGs for this room's tests; not exported from the room. */
import type { DagDescription, Model } from "@openwhisk-harvest/core";
import { encodeForests, PAPER_GRID } from "@openwhisk-harvest/core";
import { forestByFunction } from "@openwhisk-harvest/testkit/forests";
import { branchesOf, type SharingDag, type SharingFunction, type SharingStage } from "./sharing.js";
import type { DecisionState } from "./state.js";

export const ROOT = "0123456789abcdef0123456789abcdef";

/** What a function is like: U, and what each tree (or all of them) predicts of it. */
export interface FunctionSpec extends Partial<Pick<SharingFunction, "excluded" | "position" | "bounds">> {
  readonly user: { readonly cpuCores?: number; readonly memoryMb: number };
  readonly cpuCores: number | readonly number[];
  readonly memoryMb: number | readonly number[];
  readonly workCoreMs: number | readonly number[];
  readonly samples?: number;
}

/** A DAG that is one parallel stage of these functions. */
export function dagOf(specs: readonly FunctionSpec[], stage: Partial<SharingStage> = {}): SharingDag & DagDescription {
  const functions = specs.map(
    ({ user, excluded, position, bounds }, index): SharingFunction => ({
      index,
      name: `/guest/f${index}`,
      astPath: `[1][${index}]`,
      kind: "nodejs:20",
      stage: 1,
      forkPath: "[1]",
      position: position ?? index,
      ...(bounds && { bounds }),
      user: { ...user, cpuSource: user.cpuCores === undefined ? "none" : "annotation" },
      ...(excluded && { excluded }),
    }),
  );
  const branches = branchesOf(functions).map(({ length }) => (length === 1 ? ("action" as const) : ("sequence" as const)));
  const sharing = functions.filter(({ excluded }) => excluded === undefined || excluded === "no-user-cpu");
  const ofItems = stage.kind === "map";
  return {
    v: 2,
    namespace: "guest",
    name: "job",
    version: "v1",
    functions,
    stages: [
      {
        ...{ forkPath: "[1]", kind: "parallel", width: ofItems ? 0 : branches.length, branches },
        ...{ functions: ofItems ? [] : sharing.map(({ index }) => index), ...stage },
      },
    ],
    composition: {},
  };
}

export function modelOf(specs: readonly FunctionSpec[], document: Partial<Model["document"]> = {}): Model {
  const predictions = specs.flatMap((spec) => [spec.cpuCores, spec.memoryMb, spec.workCoreMs]);
  const trees = Math.max(1, ...predictions.map((value) => (typeof value === "number" ? 1 : value.length)));
  const perTree = (value: number | readonly number[]) => (typeof value === "number" ? Array<number>(trees).fill(value) : value);
  const forests = {
    inputBytes: forestByFunction(
      "inputBytes",
      specs.map((_, i) => perTree(100 * (i + 1))),
    ),
    cpuCores: forestByFunction(
      "cpuCores",
      specs.map((spec) => perTree(spec.cpuCores)),
    ),
    memoryMb: forestByFunction(
      "memoryMb",
      specs.map((spec) => perTree(spec.memoryMb)),
    ),
    workCoreMs: forestByFunction(
      "workCoreMs",
      specs.map((spec) => perTree(spec.workCoreMs)),
    ),
  };
  const { layout, sha256 } = encodeForests(forests);
  return {
    forests,
    document: {
      format: 1,
      namespace: "guest",
      dag: "job",
      dagVersion: "v1",
      version: "7",
      trainer: "by hand",
      seed: 1,
      createdAtMs: 0,
      dagInputBytes: { min: 100, max: 10_000 },
      samples: specs.map((spec) => spec.samples ?? 20),
      grid: PAPER_GRID,
      scores: {},
      layout,
      sha256,
      ...document,
    },
  };
}

export function stateOf(specs: readonly FunctionSpec[], overrides: Partial<DecisionState> = {}): DecisionState {
  return {
    dag: dagOf(specs),
    model: modelOf(specs),
    inputBytes: 1_000,
    grid: PAPER_GRID,
    mode: "harvest",
    policy: "paper",
    minSamples: 5,
    marginSpread: 0.5,
    namespace: "guest",
    root: ROOT,
    ...overrides,
  };
}
