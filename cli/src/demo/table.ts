/** The demo's table for a terminal. */
import { describeGrid } from "@openwhisk-harvest/core";
import Table from "cli-table3";
import { claimsGain, type DemoReport, type PhaseSummary, summarizePhase } from "./report.js";

interface Row {
  readonly label: string;
  readonly value: (summary: PhaseSummary) => number;
  readonly format: (value: number) => string;
  /** Whether the last column tells how much less it became. */
  readonly compare: boolean;
}

const ms = (v: number) => `${Math.round(v)} ms`;
const percent = (v: number) => `${(v * 100).toFixed(1)} %`;
const coreSeconds = (v: number) => `${(v / 1000).toFixed(1)} core-s`;
const gbSeconds = (v: number) => `${(v / 1000 / 1024).toFixed(1)} GB-s`;

const ROWS: readonly Row[] = [
  { label: "end to end, mean", value: (s) => s.meanMs, format: ms, compare: true },
  { label: "end to end, p50", value: (s) => s.p50Ms, format: ms, compare: true },
  { label: "end to end, p99", value: (s) => s.p99Ms, format: ms, compare: true },
  { label: "parallel stage, mean", value: (s) => s.stageMeanMs, format: ms, compare: true },
  { label: "parallel stage, p99", value: (s) => s.stageP99Ms, format: ms, compare: true },
  { label: "CPU allocated to stages", value: (s) => s.cpuAllocatedCoreMs, format: coreSeconds, compare: true },
  { label: "CPU used", value: (s) => s.cpuUsedCoreMs, format: coreSeconds, compare: false },
  { label: "CPU utilization", value: (s) => s.cpuUtilization, format: percent, compare: false },
  { label: "memory allocated to stages", value: (s) => s.memoryAllocatedMbMs, format: gbSeconds, compare: true },
  { label: "memory used", value: (s) => s.memoryUsedMbMs, format: gbSeconds, compare: false },
  { label: "memory utilization", value: (s) => s.memoryUtilization, format: percent, compare: false },
];

export function renderTable(report: DemoReport): string {
  const off = summarizePhase(report.off);
  const harvest = summarizePhase(report.harvest);
  const table = new Table({
    head: ["", "off", "harvest", "saved"],
    colAligns: ["left", "right", "right", "right"],
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const { label, value, format, compare } of ROWS) {
    const before = value(off);
    const after = value(harvest);
    table.push([label, format(before), format(after), compare && before > 0 ? percent(1 - after / before) : ""]);
  }
  return table.toString();
}

/** The lines above the table: what was run, on what, and how far to believe it. */
export function renderPreamble(report: DemoReport): string[] {
  const { accuracy, enforcement, enforcementReason, requests, failed } = report;
  const lines = [
    `grid         ${describeGrid(report.grid)}`,
    `enforcement  ${enforcement}${claimsGain(enforcement) ? "" : ` (${enforcementReason})`}`,
    `models       accurate (paper, 4.1.2) for ${percent(accuracy.cpu)} of CPU and ${percent(accuracy.memory)} of memory predictions on inputs never trained on`,
    `requests     ${requests} sent with harvesting off, the same ${requests} with harvesting on; ${failed} failed`,
  ];
  if (!claimsGain(enforcement))
    lines.push("WARNING      limits are not enforced by control groups here: the two columns differ by noise, and no gain is claimed");
  return lines;
}
