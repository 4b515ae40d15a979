/**
 * What came of a decided stage, in words: how long it took against what was predicted with it and without it, what each
 * run was given and used of that, and when its limits moved. From the ledger's record (ledger/stage-record.ts). Pure;
 * plain text.
 */
import { roundAmount, type StageDecision } from "@openwhisk-harvest/core";
import type { MoveKind } from "./ledger/ledger.js";
import type { MoveRecord, StageRecord } from "./ledger/stage-record.js";
import { number, tableOf } from "./table.js";

const MOVED: Readonly<Record<MoveKind, string>> = {
  give: "is given",
  take: "gives way by",
  "give-back": "needs its own, and gets back",
};
const CLOSED: Readonly<Record<NonNullable<StageRecord["closed"]>, string>> = {
  ended: "all its runs have ended",
  timeout: "nothing was heard of it any more",
  recorded: "its composition has ended; of some of its runs the end was not told",
  paused: "its harvesting was paused, and what still ran went on with its user allocation",
};
const UNITS = { cpuCores: "cores", memoryMb: "MB" } as const;

/** One entry for each time that the run came to the stage. */
export function explainOutcome(record: StageRecord, stages: readonly StageDecision[]): string[] {
  const stage = stages.find(({ forkPath }) => forkPath === record.forkPath);
  const nameOf = (position: number) => stage?.functions.find((fn, at) => (fn.position ?? at) === position)?.name ?? `branch ${position}`;
  const { excessPeak, omitted, closed } = record;
  return [
    `What came of stage ${record.forkPath || "(root)"} at ${record.fork}: ${closed ? CLOSED[closed] : "it still runs"}`,
    ...timeLines(record),
    ...runLines(record, nameOf),
    ...record.moves.map((move) => moveLine(move, nameOf)),
    ...(omitted > 0 ? [`  ${omitted} more moves are not listed.`] : []),
    ...(excessPeak.cpuCores > 0 || excessPeak.memoryMb > 0
      ? [
          `  By giving back it held at most ${roundAmount(excessPeak.cpuCores)} cores and ${roundAmount(excessPeak.memoryMb)} MB above its budget.`,
        ]
      : []),
  ];
}

function timeLines({ realMs, predictedMs }: StageRecord): string[] {
  if (realMs === undefined) return [];
  if (!predictedMs) return [`  It took ${number(realMs)} ms.`];
  const { user, allocated } = predictedMs;
  const against = user > 0 ? `: it took ${Math.abs((100 * (realMs - user)) / user).toFixed(1)} % ${realMs <= user ? "less" : "more"}` : "";
  return [
    `  It took ${number(realMs)} ms; ${number(allocated)} ms were predicted for it as decided.`,
    `  Without harvesting ${number(user)} ms were predicted${against}.`,
  ];
}

function runLines({ runs, closed }: StageRecord, nameOf: (position: number) => string): string[] {
  if (runs.length === 0) return [];
  const or = (value: number | undefined) => (value === undefined ? "-" : number(value));
  return tableOf(
    [
      ["run", "started ms", "ended ms", "cores last", "core-ms given", "core-ms used", "of it", "MB last", "MB used"],
      ...runs.map(({ position, startedMs, endedMs, limits, allocatedCoreMs, usedCoreMs, usedMemoryMb }) => [
        nameOf(position),
        number(startedMs),
        endedMs === undefined ? (closed ? "not told" : "runs") : number(endedMs),
        or(limits.cpuCores),
        number(allocatedCoreMs),
        or(usedCoreMs),
        usedCoreMs === undefined || allocatedCoreMs <= 0 ? "-" : `${((100 * usedCoreMs) / allocatedCoreMs).toFixed(0)} %`,
        number(limits.memoryMb),
        or(usedMemoryMb),
      ]),
    ],
    "  ",
  );
}

function moveLine({ atMs, position, resource, kind, amount }: MoveRecord, nameOf: (position: number) => string): string {
  return `  After ${number(atMs)} ms ${nameOf(position)} ${MOVED[kind]} ${roundAmount(amount)} ${UNITS[resource]}.`;
}
