/**
 * What the demo measured, as data: the table, the JSON and the page are all drawn from it.
 * Everything comes from stored activation records and the observations in them; nothing is timed from outside.
 */
import { type Decision, type Enforcement, type Grid, meanOf, quantileOfSorted } from "@openwhisk-harvest/core";

/** One activation of one request; times in ms since its phase began. */
export interface ActivationBar {
  readonly request: number;
  readonly activationId: string;
  readonly name: string;
  readonly kind: "function" | "conductor";
  /** Whether it is a branch of a parallel stage. */
  readonly parallel: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: string;
  readonly usage?: BarUsage;
}

export interface BarUsage {
  /** The limit while it ran, and what the user had asked for. */
  readonly allocatedCores?: number;
  readonly userCores?: number;
  readonly allocatedMb: number;
  readonly cpuTimeCoreMs: number;
  readonly cpuPeakCores: number;
  readonly memoryPeakMb: number;
}

/** One parallel stage of one request. */
export interface StageRun {
  readonly durationMs: number;
  /** B, the user allocations of its functions. */
  readonly budgetCores: number;
  readonly budgetMb: number;
  readonly cpuUsedCoreMs: number;
  /** Peak working set of each function times how long it ran, summed up. */
  readonly memoryUsedMbMs: number;
}

export interface RequestRun {
  readonly request: number;
  readonly inputBytes: number;
  readonly failed: boolean;
  /** From the composition's record. */
  readonly durationMs: number;
  readonly stages: readonly StageRun[];
}

export interface Phase {
  readonly requests: readonly RequestRun[];
  readonly bars: readonly ActivationBar[];
}

export interface PhaseSummary {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly stageMeanMs: number;
  readonly stageP99Ms: number;
  /** CPU used by the parallel stages over what their budgets held while they lasted: R_utilized / R_total of the paper, 4.1.4. */
  readonly cpuUtilization: number;
  readonly memoryUtilization: number;
  /** The same as amounts. */
  readonly cpuAllocatedCoreMs: number;
  readonly cpuUsedCoreMs: number;
  readonly memoryAllocatedMbMs: number;
  readonly memoryUsedMbMs: number;
}

export interface DemoReport {
  readonly requests: number;
  readonly failed: number;
  readonly grid: Grid;
  readonly enforcement: Enforcement;
  /** Why this enforcement and no better one. */
  readonly enforcementReason: string;
  /** Share of accurate predictions (paper, 4.1.2) of the observed peaks, on inputs never trained on, 0..1. */
  readonly accuracy: { readonly cpu: number; readonly memory: number };
  /** Share of the same runs whose observed peak was at most the allocation they would be given, 0..1. */
  readonly withinAllocation: { readonly cpu: number; readonly memory: number };
  /** Both shares for CPU, against the demand instead of the observed peak (profiler, cpu-demand.ts). */
  readonly cpuDemand: { readonly accuracy: number; readonly withinAllocation: number };
  /** In the order of the DAG. */
  readonly functionNames: readonly string[];
  readonly off: Phase;
  readonly harvest: Phase;
  readonly decision: Decision;
  readonly explanation: readonly string[];
}

/** Statistics of the requests that succeeded. */
export function summarizePhase({ requests }: Phase): PhaseSummary {
  const good = requests.filter((r) => !r.failed);
  const stages = good.flatMap((r) => r.stages);
  const durations = sorted(good.map((r) => r.durationMs));
  const stageDurations = sorted(stages.map((s) => s.durationMs));
  const total = (amount: (s: StageRun) => number) => stages.reduce((sum, s) => sum + amount(s), 0);
  const cpuAllocatedCoreMs = total((s) => s.budgetCores * s.durationMs);
  const memoryAllocatedMbMs = total((s) => s.budgetMb * s.durationMs);
  const cpuUsedCoreMs = total((s) => s.cpuUsedCoreMs);
  const memoryUsedMbMs = total((s) => s.memoryUsedMbMs);
  return {
    meanMs: statistic(durations, meanOf),
    p50Ms: statistic(durations, (v) => quantileOfSorted(v, 0.5)),
    p99Ms: statistic(durations, (v) => quantileOfSorted(v, 0.99)),
    stageMeanMs: statistic(stageDurations, meanOf),
    stageP99Ms: statistic(stageDurations, (v) => quantileOfSorted(v, 0.99)),
    cpuUtilization: share(cpuUsedCoreMs, cpuAllocatedCoreMs),
    memoryUtilization: share(memoryUsedMbMs, memoryAllocatedMbMs),
    cpuAllocatedCoreMs,
    cpuUsedCoreMs,
    memoryAllocatedMbMs,
    memoryUsedMbMs,
  };
}

/** Nothing measured is 0, never NaN: JSON has no NaN. */
function statistic(values: number[], of: (values: number[]) => number): number {
  return values.length === 0 ? 0 : Math.round(of(values) * 10) / 10;
}

/** At most 1: the kernel grants a quota per 100 ms, begun periods whole, so short runs can use some percent more than was allocated. */
function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.round((part / whole) * 10_000) / 10_000) : 0;
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}

/** The one object that `--json` prints. */
export function reportJson(report: DemoReport): Record<string, unknown> {
  const { requests, failed, grid, enforcement, enforcementReason, accuracy, withinAllocation, cpuDemand, decision } = report;
  return {
    requests,
    failed,
    grid,
    enforcement,
    enforcementReason,
    accuracy,
    withinAllocation,
    cpuDemand,
    off: summarizePhase(report.off),
    harvest: summarizePhase(report.harvest),
    decision,
  };
}

/** True where limits are enforced finely enough that a difference between the phases means something. */
export function claimsGain(enforcement: Enforcement): boolean {
  return enforcement === "cgroup-v1" || enforcement === "cgroup-v2";
}
