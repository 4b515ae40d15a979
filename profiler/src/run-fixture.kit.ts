/**
 * Records of one run of sequence(split, parallel(b0, b1, b2), combine), shaped as OpenWhisk stores them (openwhisk-protocol, 3.3):
 *
 *  C  logs R, split, K1, combine, K2     R invokes split; K1 forks, joins and invokes combine; K2 ends
 *  S0..S2  logs Bi, bi, Ei               branch sessions: no cause, a conductor step, the function, the join
 */
import { createHash } from "node:crypto";
import { type DagDescription, formatObservationLine, type Observation, PAPER_GRID, type Profile, type Rng } from "@openwhisk-harvest/core";
import type { ActivationView } from "./activation-view.js";

/** An activation id that is always the same for a name. */
export function idOf(name: string): string {
  return createHash("md5").update(name).digest("hex");
}

const user = { cpuCores: 1, cpuSource: "annotation", memoryMb: 256 } as const;
const at = (index: number, name: string, astPath: string, stage: number) => ({
  index,
  name: `/guest/${name}`,
  astPath,
  kind: "nodejs:20",
  stage,
  user,
});
const branch = (position: number) => ({ ...at(position + 1, `b${position}`, `[1][${position}]`, 1), forkPath: "[1]", position });

export const DAG: DagDescription = {
  v: 2,
  namespace: "guest",
  name: "job",
  version: "version-1",
  functions: [at(0, "split", "[0]", 0), branch(0), branch(1), branch(2), at(4, "combine", "[2]", 2)],
  stages: [{ forkPath: "[1]", kind: "parallel", width: 3, branches: ["action", "action", "action"] }],
  composition: { type: "sequence" },
};

export interface FixtureOptions {
  /** Distinguishes the ids of runs. */
  readonly run?: string;
  readonly startMs?: number;
  readonly observe?: (name: string) => Partial<Observation>;
}

export interface FixtureRun {
  readonly compositionId: string;
  readonly root: string;
  readonly activations: readonly ActivationView[];
  /** Id of a record by its name in the header. */
  readonly id: (name: string) => string;
}

/** What each function is given; `$bytes` speaks for data that is passed by reference. */
export const INPUTS: Readonly<Record<string, Record<string, unknown>>> = {
  split: { text: "x".repeat(100) },
  b0: { segment: "a".repeat(10) },
  b1: { $bytes: 4096 },
  b2: { segment: "ü" },
  combine: { value: [1, 2, 3] },
};

/** Start and end of the functions, ms after the run's start. */
export const TIMES: Readonly<Record<string, readonly [number, number]>> = {
  split: [10, 30],
  b0: [60, 90],
  b1: [55, 140],
  b2: [70, 310],
  combine: [330, 340],
};

export function observationOf(activationId: string, k: string, changes: Partial<Observation> = {}): Observation {
  return {
    v: 1,
    activationId,
    k,
    mode: "profile",
    enforcement: "cgroup-v2",
    allocated: { cpuCores: 8, memoryMb: 8192 },
    user: { cpuCores: 1, memoryMb: 256 },
    cold: false,
    durationMs: 200,
    cpuTimeMs: 150,
    cpuMeanCores: 0.75,
    cpuPeakCores: 0.9,
    throttledMs: 0,
    memoryPeakMb: 60,
    samples: 2,
    outcome: "success",
    ...changes,
  };
}

export function fixtureRun({ run = "1", startMs = 1_700_000_000_000, observe = () => ({}) }: FixtureOptions = {}): FixtureRun {
  const id = (name: string) => idOf(`${run}/${name}`);
  const root = id("R");
  const record = (name: string, changes: Partial<ActivationView>): ActivationView => ({
    activationId: id(name),
    namespace: "guest",
    name: "job",
    start: startMs,
    end: startMs + 5,
    logs: [],
    response: { status: "success", success: true, result: {} },
    annotations: [],
    ...changes,
  });
  const session = (name: string, steps: readonly string[]) =>
    record(name, { logs: steps.map(id), end: startMs + 345, annotations: [{ key: "conductor", value: true }] });
  const conductor = (name: string, cause: string, component?: string) =>
    record(name, {
      cause: id(cause),
      response: component
        ? {
            success: true,
            result: {
              action: `/guest/${component}`,
              params: { ...INPUTS[component], $harvest: { k: "k" } },
              state: { $composer: { session: root } },
            },
          }
        : { success: true, result: { params: { done: true } } },
    });
  const component = (name: string, cause: string, trailAndPath: string) => {
    const [from, to] = TIMES[name] as readonly [number, number];
    const observation = observationOf(id(name), `${root}:${trailAndPath}:0`, observe(name));
    const logs = ["2026-08-05T17:13:20.200000000Z stdout: at work", `2026-08-05T17:13:20.3Z stdout: ${formatObservationLine(observation)}`];
    return record(name, { name, cause: id(cause), start: startMs + from, end: startMs + to, logs });
  };
  const branches = [0, 1, 2].flatMap((i) => [
    session(`S${i}`, [`B${i}`, `b${i}`, `E${i}`]),
    conductor(`B${i}`, `S${i}`, `b${i}`),
    component(`b${i}`, `S${i}`, `[1].0#${i}/[1][${i}]`),
    conductor(`E${i}`, `S${i}`),
  ]);
  const activations = [
    session("C", ["R", "split", "K1", "combine", "K2"]),
    conductor("R", "C", "split"),
    component("split", "C", "/[0]"),
    conductor("K1", "C", "combine"),
    ...branches,
    component("combine", "C", "/[2]"),
    conductor("K2", "C"),
  ];
  return { compositionId: id("C"), root, activations, id };
}

/** Profiles of `runs` composition runs of DAG: bigger inputs need more, b2 most; memory comes in steps, as runtimes take it. */
export function syntheticProfiles(runs: number, rng: Rng): Profile[] {
  return Array.from({ length: runs }, (_, run) => {
    const root = idOf(`root ${run}`);
    const dagInputBytes = 1_000 + Math.floor(rng.next() * 100_000);
    return DAG.functions.map(({ index, stage }): Profile => {
      const functionInputBytes = stage === 1 ? Math.round((dagInputBytes * index) / 6) : dagInputBytes;
      const cpuPeakCores = 0.2 + 0.5 * index + rng.next() * 0.05;
      return {
        v: 1,
        namespace: DAG.namespace,
        dag: DAG.name,
        dagVersion: DAG.version,
        root,
        functionIndex: index,
        stage,
        dagInputBytes,
        functionInputBytes,
        grid: PAPER_GRID,
        startMs: 1_700_000_000_000 + run * 1_000 + stage,
        endMs: 1_700_000_000_500 + run * 1_000 + stage,
        observation: observationOf(idOf(`${run} ${index}`), `${root}:/[0]:0`, {
          cpuPeakCores,
          cpuTimeMs: functionInputBytes / 100,
          memoryPeakMb: functionInputBytes < 30_000 ? 90 : 200,
        }),
      };
    });
  }).flat();
}
