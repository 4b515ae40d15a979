/** A run's status as a table. Pure. */
import { type Column, tableLines } from "../output.js";
import type { FunctionStatus, RunStatus } from "./run-status.js";

const rounded = (value: number | undefined, digits = 0) => (value === undefined ? undefined : Number(value.toFixed(digits)));

export const STATUS_COLUMNS: readonly Column<FunctionStatus>[] = [
  { head: "function", of: (row) => row.function },
  { head: "at", of: ({ trail, astPath }) => [trail, astPath].filter(Boolean).join("/") },
  { head: "state", of: ({ state }) => state },
  { head: "ms", of: ({ durationMs: ms }) => rounded(ms), right: true },
  { head: "cpu limit", of: ({ cpuCores }) => rounded(cpuCores, 3), right: true },
  { head: "cpu user", of: ({ userCpuCores }) => rounded(userCpuCores, 3), right: true },
  { head: "cpu used", of: ({ cpuUsedCores }) => rounded(cpuUsedCores, 2), right: true },
  { head: "cpu peak", of: ({ cpuPeakCores }) => rounded(cpuPeakCores, 2), right: true },
  { head: "throttled ms", of: ({ throttledMs }) => rounded(throttledMs), right: true },
  { head: "moves", of: ({ moves }) => moves, right: true },
  { head: "memory MB", of: ({ memoryMb }) => rounded(memoryMb), right: true },
  { head: "used MB", of: ({ memoryUsedMb }) => rounded(memoryUsedMb), right: true },
  { head: "activation", of: ({ activationId }) => activationId },
];

export function statusText({ dag, compositionId, root, state, success, durationMs: ms, functions }: RunStatus): string {
  const outcome = success === undefined ? "" : success ? ", success" : ", failed";
  const head = `${dag ?? "composition"} ${compositionId ?? `(R ${root})`}: ${state}${outcome}${ms === undefined ? "" : `, ${Math.round(ms)} ms`}`;
  return `${[head, "", ...tableLines(STATUS_COLUMNS, functions)].join("\n")}\n`;
}
