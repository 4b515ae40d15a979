/** How good decisions were, seen while their stages ran. Labels have fixed sets of values. */
import type { LeaseEvent } from "@openwhisk-harvest/core";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { LedgerEffect } from "./ledger.js";
import type { Resource, Stage } from "./stage.js";
import type { StageRecord } from "./stage-record.js";

/** What became of an event. */
export type Heard = "taken" | "late" | "foreign" | "unreadable" | "omitted";

const RESOURCE_LABELS: Readonly<Record<Resource, string>> = { cpuCores: "cpu", memoryMb: "memory" };
const SHARES = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
/** Real time as a multiple of the predicted one. */
const RATIOS = [0.25, 0.5, 0.75, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 4, 8];

export class LedgerMetrics {
  readonly #events: Counter<"outcome">;
  readonly #ledgers: Counter<"outcome">;
  readonly #plans: Counter<"outcome">;
  readonly #waiting: Counter;
  readonly #moves: Counter<"resource" | "kind">;
  readonly #movedAmount: Counter<"resource" | "kind">;
  readonly #open: Gauge;
  readonly #closed: Counter<"reason">;
  readonly #excess: Gauge<"resource">;
  readonly #excessStages: Counter<"resource">;
  readonly #slack: Histogram<"resource">;
  readonly #ratio: Histogram<"against">;
  readonly #still: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter({ name, help, labelNames, registers });
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge({ name, help, labelNames, registers });
    this.#events = counter("harvest_ledger_events_total", "Events of appliers by what became of them", ["outcome"]);
    this.#ledgers = counter("harvest_ledgers_total", "Stages that were heard of, and whether a ledger was opened", ["outcome"]);
    this.#plans = counter("harvest_planned_runs_total", "New epochs that were published for runs, or could not be", ["outcome"]);
    this.#waiting = counter("harvest_starts_without_lease_total", "Receivers that started with U, their donors' words still to come");
    this.#moves = counter("harvest_moves_total", "Moves of limits while a stage ran", ["resource", "kind"]);
    this.#movedAmount = counter("harvest_moved_amount_total", "Cores or MB that were moved", ["resource", "kind"]);
    this.#open = gauge("harvest_ledgers_open", "Stages under way that have a ledger");
    this.#closed = counter("harvest_ledgers_closed_total", "Ledgers that were closed", ["reason"]);
    this.#excess = gauge("harvest_excess", "Cores or MB held above the budgets of all stages, by give-back", ["resource"]);
    this.#excessStages = counter("harvest_excess_stages_total", "Stages that were above their budget for a time", ["resource"]);
    this.#slack = new Histogram({
      name: "harvest_unused_share",
      help: "(allocated - used) / allocated of each run: CPU over its time, memory at its peak",
      labelNames: ["resource"],
      buckets: SHARES,
      registers,
    });
    this.#ratio = new Histogram({
      name: "harvest_stage_time_ratio",
      help: "Real time of a stage by its predicted time: as decided, and with user allocations",
      labelNames: ["against"],
      buckets: RATIOS,
      registers,
    });
    this.#still = counter("harvest_ledger_outages_total", "Times that the ledgers stood still because Redis did not answer");
  }

  heard(outcome: Heard, count: number): void {
    if (count > 0) this.#events.inc({ outcome }, count);
  }

  opened(isOpen: boolean): void {
    this.#ledgers.inc({ outcome: isOpen ? "opened" : "none" });
  }

  planned(runs: number): void {
    this.#plans.inc({ outcome: "published" }, runs);
  }

  refused(runs: number): void {
    this.#plans.inc({ outcome: "refused" }, runs);
  }

  startedWithoutLease(): void {
    this.#waiting.inc();
  }

  moved({ kind, resource, amount }: LedgerEffect & { type: "moved" }): void {
    this.#moves.inc({ resource: RESOURCE_LABELS[resource], kind });
    this.#movedAmount.inc({ resource: RESOURCE_LABELS[resource], kind }, amount);
  }

  standing(stages: readonly Stage[]): void {
    this.#open.set(stages.length);
    for (const resource of ["cpuCores", "memoryMb"] as const)
      this.#excess.set(
        { resource: RESOURCE_LABELS[resource] },
        stages.reduce((sum, { excess }) => sum + excess[resource], 0),
      );
  }

  /** At the end of a run. */
  used({ type, k, activationId }: LeaseEvent, record: StageRecord): void {
    const run = type === "end" ? record.runs.find((one) => one.k === k && one.activationId === activationId) : undefined;
    if (!run) return;
    const { allocatedCoreMs, usedCoreMs, usedMemoryMb, limits } = run;
    if (usedCoreMs !== undefined && allocatedCoreMs > 0) this.#slack.observe({ resource: "cpu" }, unusedShare(allocatedCoreMs, usedCoreMs));
    if (usedMemoryMb !== undefined) this.#slack.observe({ resource: "memory" }, unusedShare(limits.memoryMb, usedMemoryMb));
  }

  closed({ closed, excessPeak, realMs, predictedMs }: StageRecord): void {
    this.#closed.inc({ reason: closed ?? "timeout" });
    for (const resource of ["cpuCores", "memoryMb"] as const)
      if (excessPeak[resource] > 0) this.#excessStages.inc({ resource: RESOURCE_LABELS[resource] });
    if (realMs === undefined || !predictedMs) return;
    if (predictedMs.allocated > 0) this.#ratio.observe({ against: "decided" }, realMs / predictedMs.allocated);
    if (predictedMs.user > 0) this.#ratio.observe({ against: "user" }, realMs / predictedMs.user);
  }

  stoodStill(): void {
    this.#still.inc();
  }
}

function unusedShare(allocated: number, used: number): number {
  return Math.min(1, Math.max(0, (allocated - used) / allocated));
}
