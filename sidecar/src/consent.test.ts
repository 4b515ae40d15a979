/** Modes and pauses of single actions decide which functions take part, and touch no other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DagDescription, Mode, ModeSettings, Pause } from "@openwhisk-harvest/core";
import { consentOf } from "./consent.js";
import { sharingOf } from "./decide/sharing.js";
import { dagOf, type FunctionSpec } from "./decide/state.kit.js";

const NOW_MS = 1_000;
const spec: FunctionSpec = { user: { cpuCores: 2, memoryMb: 512 }, cpuCores: 1, memoryMb: 200, workCoreMs: 100 };
const dag = dagOf([spec, spec, spec]);
const [, second] = dag.functions;
const settings = (global: ModeSettings["global"], ...pauses: Partial<Pause>[]): ModeSettings => ({
  ...{ v: 1, global, namespaces: {} },
  pauses: pauses.map((pause) => ({ by: "operator", sinceMs: 0, ...pause })),
});
const optedIn = (...indices: number[]): DagDescription => ({
  ...dag,
  functions: dag.functions.map((fn) => (indices.includes(fn.index) ? { ...fn, harvest: "harvest" as const } : fn)),
});
const consent = (of: DagDescription, all: ModeSettings) => {
  const { mode, kept } = consentOf(of, all, "guest", NOW_MS);
  return { mode, kept, dag: sharingOf(of, kept) };
};
const localName = second?.name.replace("/guest/", "") ?? "";

describe("consent", () => {
  it("leaves the DAG as it is where all or none may be harvested", () => {
    const asItIs = (mode: Mode) => ({ mode, kept: new Map(), dag });
    for (const mode of ["off", "observe", "harvest", "profile"] as const) assert.deepEqual(consent(dag, settings(mode)), asItIs(mode));
    assert.deepEqual(consent(dag, settings("harvest", {})), asItIs("observe"));
    assert.deepEqual(consent(dag, settings("harvest", { namespace: "guest" })), asItIs("observe"));
    assert.deepEqual(consent(dag, settings("harvest", { namespace: "other" })), asItIs("harvest"));
    assert.deepEqual(consent(dag, settings("harvest", { untilMs: NOW_MS })), asItIs("harvest"));
  });

  it("takes a paused action out of its stage, and only it", () => {
    const seen = consent(dag, settings("harvest", { namespace: "guest", action: localName }));
    assert.equal(seen.mode, "harvest");
    assert.deepEqual(
      seen.dag.functions.map((fn) => fn.excluded),
      [undefined, "action-paused", undefined],
    );
    assert.deepEqual(
      seen.dag.stages.map((stage) => stage.functions),
      dag.stages.map((stage) => stage.functions.filter((index) => index !== 1)),
    );
  });

  it("harvests the functions that opted in where only they may be", () => {
    const seen = consent(optedIn(0, 2), settings("observe"));
    assert.equal(seen.mode, "harvest");
    assert.deepEqual(
      seen.dag.functions.map((fn) => fn.excluded),
      [undefined, "not-opted-in", undefined],
    );
  });

  it("counts no opt-in against off, profile or a pause", () => {
    for (const mode of ["off", "profile"] as const) assert.equal(consent(optedIn(0, 1, 2), settings(mode)).mode, mode);
    assert.equal(consent(optedIn(0, 1, 2), settings("observe", {})).mode, "observe");
  });

  it("comes before where a function stands", () => {
    const [stage] = dag.stages;
    const placed: DagDescription = { ...dag, stages: stage ? [{ ...stage, branches: ["action", "varying", "action"] }] : [] };
    const seen = consent(placed, settings("harvest", { namespace: "guest", action: localName }));
    assert.equal(seen.dag.functions[1]?.excluded, "action-paused");
    assert.equal(consent(placed, settings("harvest")).dag.functions[1]?.excluded, "branch-varies");
  });

  it("comes after what the action's owner wants for good", () => {
    const off: DagDescription = { ...dag, functions: dag.functions.map((fn) => (fn.index === 1 ? { ...fn, harvest: "off" } : fn)) };
    const seen = consent(off, settings("harvest", { namespace: "guest", action: localName }));
    assert.equal(seen.dag.functions[1]?.excluded, "action-off");
  });
});
