/** From the stored activations of a phase's requests to its bars and stage runs. Pure. */
import type { DagDescription } from "@openwhisk-harvest/core";
import { type ActivationView, type ComponentRecord, componentsOfRun, type StageTime, stageTimes } from "@openwhisk-harvest/profiler";
import type { ActivationBar, Phase, RequestRun, StageRun } from "./report.js";

/** All records of one request's composition run. */
export interface RequestRecords {
  readonly inputBytes: number;
  /** The composition's own record. */
  readonly composition: ActivationView;
  /** R. */
  readonly root: string;
  readonly activations: readonly ActivationView[];
}

export function phaseOf(dag: DagDescription, requests: readonly RequestRecords[]): Phase {
  const originMs = Math.min(...requests.flatMap((r) => [r.composition, ...r.activations]).map((a) => a.start));
  return {
    requests: requests.map((records, request) => requestRun(dag, records, request)),
    bars: requests.flatMap((records, request) => barsOf(dag, records, request, originMs)).sort((a, b) => a.startMs - b.startMs),
  };
}

function requestRun(dag: DagDescription, records: RequestRecords, request: number): RequestRun {
  const { composition, root, activations, inputBytes } = records;
  const components = componentsOfRun(root, activations);
  const stages = stageTimes({ dag, root, activations });
  return {
    request,
    inputBytes,
    failed: composition.response.success !== true || stages.some((s) => !s.complete),
    durationMs: (composition.end ?? composition.start) - composition.start,
    stages: stages.filter((s) => s.complete).map((stage) => stageRun(dag, stage, components)),
  };
}

function stageRun(dag: DagDescription, stage: StageTime, components: readonly ComponentRecord[]): StageRun {
  const functions = dag.functions.filter((f) => f.forkPath === stage.forkPath);
  const runs = components.filter(({ key }) => key.trail.at(-1)?.forkPath === stage.forkPath && key.trail.at(-1)?.forkNo === stage.forkNo);
  return {
    durationMs: stage.durationMs,
    budgetCores: sum(functions.map((f) => f.user.cpuCores ?? 0)),
    budgetMb: sum(functions.map((f) => f.user.memoryMb)),
    cpuUsedCoreMs: sum(runs.map((r) => r.observation.cpuTimeMs)),
    memoryUsedMbMs: sum(runs.map((r) => r.observation.memoryPeakMb * r.observation.durationMs)),
  };
}

function barsOf(dag: DagDescription, { root, activations }: RequestRecords, request: number, originMs: number): ActivationBar[] {
  const components = new Map(componentsOfRun(root, activations).map((c) => [c.record.activationId, c]));
  const bars: ActivationBar[] = [];
  for (const record of activations) {
    const component = components.get(record.activationId);
    const isStep = component !== undefined || (record.name === dag.name && record.cause !== undefined);
    if (!isStep || record.end === undefined) continue;
    bars.push({
      request,
      activationId: record.activationId,
      name: record.name,
      kind: component ? "function" : "conductor",
      parallel: (component?.key.trail.length ?? 0) > 0,
      startMs: record.start - originMs,
      endMs: record.end - originMs,
      outcome: record.response.status ?? "unknown",
      ...(component ? { usage: usageOf(component) } : {}),
    });
  }
  return bars;
}

function usageOf({ observation }: ComponentRecord): NonNullable<ActivationBar["usage"]> {
  const { allocated, moved, user, cpuTimeMs, cpuPeakCores, memoryPeakMb } = observation;
  const allocatedCores = moved?.lastCpuCores ?? allocated.cpuCores;
  return {
    ...(allocatedCores === undefined ? {} : { allocatedCores }),
    ...(user.cpuCores === undefined ? {} : { userCores: user.cpuCores }),
    allocatedMb: allocated.memoryMb,
    cpuTimeCoreMs: cpuTimeMs,
    cpuPeakCores,
    memoryPeakMb,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
