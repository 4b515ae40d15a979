import {
  type AllocationStore,
  type Config,
  type DagDescription,
  HarvestError,
  type Observation,
  OLDEST_EVENT,
  type RunEvent,
  systemClock,
} from "@openwhisk-harvest/core";
import { componentsOfRun, listActivations } from "@openwhisk-harvest/profiler";
import type { DecisionRecord } from "@openwhisk-harvest/sidecar";
import { getJson } from "@openwhisk-harvest/sidecar/client";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { readDag } from "../dags.js";
import { type Column, csvLines, tableLines } from "../output.js";
import { findRun } from "../status/find-run.js";
import { type FunctionStatus, type RunStatus, runStatus } from "../status/run-status.js";
import { durationMs } from "../times.js";
import { type ConfigFlags, type Connection, configFrom, connect, withConfigOptions } from "./options.js";

interface StatusFlags extends ConfigFlags {
  readonly within: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Records are stamped by another clock than events, and a conductor's first step starts before anything is told of its run. */
const BEFORE_START_MS = 5_000;
/** As many as the stream keeps. */
const MOST_EVENTS = 10_000;
const MOST_OBSERVATIONS = 1_000;

/** `harvest status <id>` */
export function addStatusVerb(program: Command): void {
  withConfigOptions(program.command("status <id>").description("Show a composition run's functions with their state, time and usage"))
    .option("--within <duration>", "how far back a run that has not ended is looked for", durationMs, 3_600_000)
    .option("--json", "print it as one JSON object")
    .option("--csv", "print the functions as CSV")
    .action(async (id: string, flags: StatusFlags) => {
      const config = configFrom(flags);
      const known = await lookAround(id, config, connect(config), flags.within);
      const status = runStatus(known);
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(status)}\n`
          : flags.csv
            ? `${csvLines(COLUMNS, status.functions).join("\r\n")}\r\n`
            : describe(status),
      );
    });
}

async function lookAround(
  id: string,
  config: Config,
  { stack, client }: Connection,
  withinMs: number,
): Promise<Parameters<typeof runStatus>[0]> {
  const nowMs = systemClock.nowMs();
  const { root, compositionId, startedMs = nowMs - withinMs } = await findRun(client, id, nowMs - withinMs);
  const decision = await orAbsent(getJson<DecisionRecord>(`${stack.sidecar}/v1/decisions/${root}`, stack.auth), "OWH_NOT_FOUND");
  const dag: DagDescription | undefined = decision && (await orAbsent(readDag(stack, decision.dag), "OWH_NOT_FOUND"));
  const records = await listActivations(client, startedMs - BEFORE_START_MS);
  const told = await orAbsent(
    withAllocations(config, (allocations) =>
      tell(allocations, root, new Set(componentsOfRun(root, records).map(({ record }) => record.activationId))),
    ),
    "OWH_STORE_UNAVAILABLE",
  );
  return {
    root,
    compositionId,
    dag,
    records,
    events: told?.events ?? [],
    observations: told?.observations ?? [],
    nowMs: systemClock.nowMs(),
  };
}

/** What Redis knows of the run's functions, except of those whose records are there. */
async function tell(allocations: AllocationStore, root: string, recorded: ReadonlySet<string>) {
  const { events } = await allocations.readEvents({ after: OLDEST_EVENT, blockMs: 1, limit: MOST_EVENTS });
  const ours = events.filter(({ k }) => k?.startsWith(`${root}:`));
  const open = [...new Set(ours.map(({ activationId }) => activationId))].filter((id) => !recorded.has(id)).slice(0, MOST_OBSERVATIONS);
  const observations: Observation[] = [];
  for (const id of open) {
    const observation = await allocations.observation(id);
    if (observation) observations.push(observation);
  }
  return { events: ours as readonly RunEvent[], observations };
}

/** Each source may be missing: the others still say what they know. */
async function orAbsent<T>(asked: Promise<T>, code: HarvestError["code"]): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HarvestError && error.code === code) return undefined;
    throw error;
  }
}

const rounded = (value: number | undefined, digits = 0) => (value === undefined ? undefined : Number(value.toFixed(digits)));

const COLUMNS: readonly Column<FunctionStatus>[] = [
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

function describe({ dag, compositionId, root, state, success, durationMs: ms, functions }: RunStatus): string {
  const outcome = success === undefined ? "" : success ? ", success" : ", failed";
  const head = `${dag ?? "composition"} ${compositionId ?? `(R ${root})`}: ${state}${outcome}${ms === undefined ? "" : `, ${Math.round(ms)} ms`}`;
  return `${[head, "", ...tableLines(COLUMNS, functions)].join("\n")}\n`;
}
