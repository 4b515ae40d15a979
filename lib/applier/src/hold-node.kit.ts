/** A node in memory: holds, its budget, and limits that are "written" at once or refused. It checks H6 after every single write. */

import assert from "node:assert/strict";
import type { Grid, PublishedAllocation } from "@openwhisk-harvest/core";
import { claimOf, type Hold, type HoldEffect, type HoldEvent, openHold, stepHold } from "./hold.js";
import { type BudgetMember, nextOrder } from "./node-budget.js";

export const GRID: Grid = { cpuCores: { min: 0.25, max: 4, step: 0.25 }, memoryMb: { min: 128, max: 1024, step: 128 } };

export interface SimRun {
  hold: Hold;
  readonly id: string;
  /** What the load balancer charges for it until it ends. */
  readonly chargedCores: number;
  inForceCores: number;
  stuck: boolean;
  refuseNext: boolean;
  restored: number;
  readonly told: string[];
}

export interface SimStart {
  readonly userCores: number;
  readonly allocation?: PublishedAllocation;
  readonly timeLimitMs: number;
}

export class SimNode {
  nowMs = 0;
  readonly runs: SimRun[] = [];
  readonly capacityCores: number;
  #count = 0;

  constructor(capacityCores: number) {
    this.capacityCores = capacityCores;
  }

  /** As the balancer does: only what has room is placed. */
  start({ userCores, allocation, timeLimitMs }: SimStart): void {
    const user = { cpuCores: userCores, memoryMb: 512 };
    const granted = { ...user, cpuCores: allocation?.cpuCores ?? userCores };
    const charged = this.runs.reduce((sum, run) => sum + run.chargedCores, granted.cpuCores);
    if (charged > this.capacityCores) return;
    const { hold } = openHold({
      startedAtMs: this.nowMs,
      timeLimitMs,
      user,
      granted,
      beneficiary: { namespace: "guest", stamp: "d" },
      grid: GRID,
      ...(allocation && { allocation }),
    });
    const flags = { inForceCores: 0, stuck: false, refuseNext: false, restored: 0 };
    this.runs.push({ hold, id: String(this.#count++), chargedCores: granted.cpuCores, ...flags, told: [] });
    this.#settle();
  }

  /** The run at this place, counted around; nothing on an empty node. */
  on(place: number, event: HoldEvent): void {
    const run = this.runs[place % Math.max(1, this.runs.length)];
    if (!run) return;
    this.#step(run, event);
    this.#settle();
  }

  members(): BudgetMember[] {
    return this.runs.map(({ id, hold, inForceCores, stuck }) => ({ id, claim: claimOf(hold), inForceCores, stuck }));
  }

  inForceCores(): number {
    return this.runs.reduce((sum, run) => sum + run.inForceCores, 0);
  }

  #step(run: SimRun, event: HoldEvent): void {
    const { hold, effects } = stepHold(run.hold, event);
    run.hold = hold;
    for (const effect of effects) this.#do(run, effect);
    if (hold.phase === "over") this.runs.splice(this.runs.indexOf(run), 1);
  }

  #do(run: SimRun, effect: HoldEffect): void {
    if (effect.type === "restore") run.restored++;
    if (effect.type === "tell") run.told.push(effect.what);
  }

  #settle(): void {
    for (;;) {
      const order = nextOrder({ capacityCores: this.capacityCores, axis: GRID.cpuCores, members: this.members() });
      if (!order) break;
      const run = this.runs.find(({ id }) => id === order.id) ?? assert.fail("an order for a run that is not there");
      if (run.refuseNext) {
        run.stuck = true;
        run.inForceCores = Math.max(run.inForceCores, order.cpuCores);
      } else {
        run.inForceCores = order.cpuCores;
        this.#step(run, { type: "in-force", atMs: this.nowMs, cpuCores: order.cpuCores });
      }
      this.#checkH6();
    }
    for (const run of [...this.runs]) this.#step(run, { type: "settled" });
  }

  /** What could not be written may still be in force beyond what its run was admitted with; nothing else may be too much. */
  #checkH6(): void {
    const stuckCores = this.runs
      .filter(({ stuck }) => stuck)
      .reduce((sum, run) => sum + Math.max(0, run.inForceCores - run.chargedCores), 0);
    assert.ok(this.inForceCores() <= this.capacityCores + stuckCores + 1e-6, `H6: ${this.inForceCores()} of ${this.capacityCores}`);
  }
}
