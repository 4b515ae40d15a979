/** The rows of the demo's table, in words: the terminal and the page show the same. */
import { claimsGain, type DemoReport, type PhaseSummary, summarizePhase } from "./report.js";

export interface SummaryRow {
  readonly label: string;
  readonly off: string;
  readonly harvest: string;
  /** How much less it became; empty where less is not better, and where no gain is claimed. */
  readonly saved: string;
}

interface RowSpec {
  readonly label: string;
  readonly value: (summary: PhaseSummary) => number;
  readonly format: (value: number) => string;
  readonly lessIsBetter: boolean;
}

export const percent = (v: number) => `${(v * 100).toFixed(1)} %`;
const ms = (v: number) => `${Math.round(v)} ms`;
const coreSeconds = (v: number) => `${(v / 1000).toFixed(1)} core-s`;
const gbSeconds = (v: number) => `${(v / 1000 / 1024).toFixed(1)} GB-s`;

const ROWS: readonly RowSpec[] = [
  { label: "end to end, mean", value: (s) => s.meanMs, format: ms, lessIsBetter: true },
  { label: "end to end, p50", value: (s) => s.p50Ms, format: ms, lessIsBetter: true },
  { label: "end to end, p99", value: (s) => s.p99Ms, format: ms, lessIsBetter: true },
  { label: "parallel stage, mean", value: (s) => s.stageMeanMs, format: ms, lessIsBetter: true },
  { label: "parallel stage, p99", value: (s) => s.stageP99Ms, format: ms, lessIsBetter: true },
  { label: "CPU allocated to stages", value: (s) => s.cpuAllocatedCoreMs, format: coreSeconds, lessIsBetter: true },
  { label: "CPU used", value: (s) => s.cpuUsedCoreMs, format: coreSeconds, lessIsBetter: false },
  { label: "CPU utilization", value: (s) => s.cpuUtilization, format: percent, lessIsBetter: false },
  { label: "memory allocated to stages", value: (s) => s.memoryAllocatedMbMs, format: gbSeconds, lessIsBetter: true },
  { label: "memory used", value: (s) => s.memoryUsedMbMs, format: gbSeconds, lessIsBetter: false },
  { label: "memory utilization", value: (s) => s.memoryUtilization, format: percent, lessIsBetter: false },
];

export function summaryRows(report: DemoReport): SummaryRow[] {
  const off = summarizePhase(report.off);
  const harvest = summarizePhase(report.harvest);
  const compares = claimsGain(report.enforcement);
  return ROWS.map(({ label, value, format, lessIsBetter }) => {
    const [before, after] = [value(off), value(harvest)];
    return {
      label,
      off: format(before),
      harvest: format(after),
      saved: compares && lessIsBetter && before > 0 ? percent(1 - after / before) : "",
    };
  });
}
