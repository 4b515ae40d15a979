/** What `harvest status` says of a run from its sources, in every moment of its life. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DagDescription, formatObservationLine, type Observation, type RunEvent } from "@openwhisk-harvest/core";
import type { ActivationView } from "@openwhisk-harvest/profiler";
import { type RunKnowledge, runStatus } from "./run-status.js";

const R = "a".repeat(32);
const C = "c".repeat(32);
const id = (n: number) => n.toString(16).padStart(32, "0");
const user = { cpuCores: 0.5, cpuSource: "annotation", memoryMb: 256 } as const;
const fn = (index: number, name: string, astPath: string) => ({
  index,
  name: `/guest/${name}`,
  astPath,
  kind: "nodejs:20",
  stage: 0,
  user,
});
const dag: DagDescription = {
  ...{ v: 2, namespace: "guest", name: "job", version: "1", stages: [], composition: null },
  functions: [fn(0, "split", "[0]"), fn(1, "work", "[1][0]"), fn(2, "join", "[2]")],
};
const kOf = (astPath: string, seq = 0, root = R) => `${root}:${astPath === "[1][0]" ? "[1].0#0" : ""}/${astPath}:${seq}`;

const observation = (n: number, k: string, more: Partial<Observation> = {}): Observation => ({
  ...{ v: 1, activationId: id(n), k, mode: "harvest", enforcement: "cgroup-v1", cold: false, samples: 5, outcome: "success" },
  ...{ allocated: { cpuCores: 0.75, memoryMb: 128 }, user: { cpuCores: 0.5, memoryMb: 256 } },
  ...{ durationMs: 90, cpuTimeMs: 60, cpuMeanCores: 0.6, cpuPeakCores: 0.7, throttledMs: 10, memoryPeakMb: 33 },
  ...more,
});
const record = (activationId: string, start: number, end?: number, more: Partial<ActivationView> = {}): ActivationView => ({
  ...{ activationId, name: "work", start, logs: [], response: {}, annotations: [] },
  ...(end === undefined ? {} : { end }),
  ...more,
});
const event = (type: RunEvent["type"], n: number, astPath: string, atMs: number, lease?: Partial<RunEvent["lease"]>): RunEvent => ({
  ...{ type, activationId: id(n), atMs, k: kOf(astPath) },
  ...(lease && {
    lease: { no: 0, namespace: "guest", decision: `${R}-1`, epoch: 1, limits: { cpuCores: 0.25, memoryMb: 128 }, node: "n", ...lease },
  }),
});
const known = (more: Partial<RunKnowledge>): RunKnowledge => ({
  ...{ root: R, compositionId: C, dag, records: [record(R, 1_000, 1_010)], events: [], observations: [], nowMs: 2_000 },
  ...more,
});

test("before anything is heard, every function waits", () => {
  const status = runStatus(known({}));
  assert.equal(status.state, "running");
  assert.deepEqual([status.startedMs, status.durationMs], [1_000, 1_000]);
  assert.deepEqual(
    status.functions.map(({ function: name, state, memoryMb }) => [name, state, memoryMb]),
    [
      ["/guest/split", "waiting", 256],
      ["/guest/work", "waiting", 256],
      ["/guest/join", "waiting", 256],
    ],
  );
});

test("a run under way shows its time so far, the limits in force and what it has used", () => {
  const events = [
    event("start", 1, "[1][0]", 1_200, {}),
    event("applied", 1, "[1][0]", 1_600, { no: 1, limits: { cpuCores: 0.75, memoryMb: 128 }, usedCoreMs: 200, usedMemoryMb: 40 }),
  ];
  const [work, split] = runStatus(known({ events })).functions;
  assert.deepEqual(work, {
    ...{ function: "/guest/work", astPath: "[1][0]", trail: "[1].0#0", state: "running", activationId: id(1) },
    ...{ startedMs: 1_200, durationMs: 800, cpuCores: 0.75, memoryMb: 128, cpuUsedCores: 0.5, memoryUsedMb: 40 },
  });
  assert.equal(split?.state, "waiting");
});

test("what is known later counts: an end, then the observation in Redis, then the record", () => {
  const events = [event("start", 1, "[0]", 1_200), event("end", 1, "[0]", 1_300)];
  const at = (more: Partial<RunKnowledge>) => runStatus(known({ events, ...more })).functions[0];
  assert.deepEqual([at({})?.state, at({})?.durationMs], ["ended", 100]);
  const seen = observation(1, kOf("[0]"), {
    outcome: "application error",
    moved: { times: 2, meanCpuCores: 0.6, lastCpuCores: 1, givenBack: false },
  });
  const ended = at({ observations: [seen] });
  assert.deepEqual(
    [ended?.state, ended?.durationMs, ended?.cpuCores, ended?.moves, ended?.startedMs],
    ["application error", 90, 1, 2, 1_200],
  );
  const records = [record(R, 1_000), record(id(1), 1_190, 1_310, { logs: [formatObservationLine(seen)] })];
  const recorded = at({ observations: [seen], records });
  assert.deepEqual([recorded?.durationMs, recorded?.startedMs, recorded?.throttledMs], [120, 1_190, 10]);
});

test("an ended composition shows what did not run, and how it ended", () => {
  const records = [
    record(C, 990, 1_500, { response: { success: false } }),
    record(id(1), 1_100, 1_200, { logs: [formatObservationLine(observation(1, kOf("[0]")))] }),
  ];
  const status = runStatus(known({ records }));
  assert.deepEqual([status.state, status.success, status.durationMs], ["ended", false, 510]);
  assert.deepEqual(
    status.functions.map(({ state }) => state),
    ["success", "not run", "not run"],
  );
});

test("rounds of a loop are rows of their own, and foreign or malformed keys are none", () => {
  const observations = [
    observation(1, kOf("[0]", 0)),
    observation(2, kOf("[0]", 1)),
    observation(3, kOf("[0]", 0, "b".repeat(32))),
    observation(4, "garbage"),
  ];
  const rows = runStatus(known({ observations })).functions.filter(({ astPath }) => astPath === "[0]");
  assert.deepEqual(
    rows.map(({ activationId }) => activationId),
    [id(1), id(2)],
  );
});

test("without a DAG description the records' own names are shown", () => {
  const records = [record(id(1), 1, 2, { name: "aes", logs: [formatObservationLine(observation(1, kOf("[0]")))] })];
  const { dag: _none, ...rest } = known({ records });
  assert.equal(runStatus(rest).functions[0]?.function, "aes");
});
