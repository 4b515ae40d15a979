import assert from "node:assert/strict";
import { test } from "node:test";
import { formatObservationLine } from "@openwhisk-harvest/core";
import type { ActivationView } from "./activation-view.js";
import { DAG, fixtureRun, idOf, observationOf } from "./run-fixture.kit.js";
import { stageTimes } from "./stage-times.js";

const RUN = fixtureRun({ startMs: 1_000 });
const timesOf = (activations: readonly ActivationView[]) => stageTimes({ dag: DAG, root: RUN.root, activations });

test("a stage lasts from the start of its first branch component to the end of its last", () => {
  assert.deepEqual(timesOf(RUN.activations), [
    { forkPath: "[1]", outerTrail: "", forkNo: 0, startMs: 1_055, endMs: 1_310, durationMs: 255, complete: true },
  ]);
});

test("a stage of which a branch is missing, or has not ended, is not complete", () => {
  const missing = timesOf(RUN.activations.filter((r) => r.activationId !== RUN.id("b2")));
  assert.equal(missing[0]?.complete, false);
  const running = timesOf(RUN.activations.map((r) => (r.activationId === RUN.id("b2") ? { ...r, end: undefined as never } : r)));
  assert.equal(running[0]?.complete, false);
  assert.equal(running[0]?.durationMs, 0);
});

test("each round of a loop is a stage of its own, and inner forks count for the outer one", () => {
  const component = (name: string, key: string, start: number, end: number): ActivationView => ({
    activationId: idOf(name),
    name,
    start,
    end,
    logs: [formatObservationLine(observationOf(idOf(name), `${RUN.root}:${key}:0`))],
    response: {},
    annotations: [],
  });
  const times = timesOf([
    component("first", "[1].0#0/[1][0]", 0, 10),
    component("second", "[1].1#0/[1][0]", 20, 25),
    component("inner", "[1].1#1/[1][1].0#0/[1][1][0]", 22, 90),
  ]);
  assert.deepEqual(
    times.map((t) => [t.forkPath, t.outerTrail, t.forkNo, t.durationMs]),
    [
      ["[1]", "", 0, 10],
      ["[1]", "", 1, 70],
      ["[1][1]", "[1].1#1", 0, 68],
    ],
  );
});
