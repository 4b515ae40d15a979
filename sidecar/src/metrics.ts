/** What the sidecar counts. Every label has a fixed set of values; no name, namespace or id is ever one. */
import type { StageDecision } from "@openwhisk-harvest/core";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { DriftMetrics } from "./collector/drift-metrics.js";
import type { DecisionRecord } from "./decision-record.js";

/** Seconds: from a cached prediction (20 us) to a Redis that answers at its deadline. */
const STEP_BUCKETS = [0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2];

export type StoreName = "redis" | "documents";
export type StoreOperation = "modes" | "publish" | "dag" | "model" | "decision";

export class SidecarMetrics {
  readonly registry = new Registry();
  readonly drift = new DriftMetrics(this.registry);
  readonly #decisions = this.#counter("harvest_decisions_total", "Decisions made", ["mode"]);
  readonly #verdicts = this.#counter("harvest_stage_verdicts_total", "Verdicts on stages", ["resource", "accepted", "reason"]);
  readonly #published = this.#counter("harvest_decisions_published_total", "Decisions that Redis has", []);
  readonly #unpublished = this.#counter("harvest_decisions_unpublished_total", "Decisions that are not in force", ["reason"]);
  readonly #storeErrors = this.#counter("harvest_store_errors_total", "Failed calls of stores", ["store", "operation"]);
  readonly #badModels = this.#counter("harvest_bad_models_total", "Stored models that could not be used", []);
  readonly #dropped = this.#counter("harvest_decision_records_dropped_total", "Decisions that were not stored", ["reason"]);
  readonly #faults = this.#counter("harvest_invalid_splits_total", "Splits that the Harvesting Validator refused", []);
  readonly #responses = this.#counter("harvest_http_responses_total", "Answers by status", ["status"]);
  readonly #breakers: Readonly<Record<StoreName, Gauge>> = {
    redis: this.#gauge("harvest_redis_breaker_open", "1 while Redis is not asked because it did not answer"),
    documents: this.#gauge("harvest_documents_breaker_open", "1 while the document store is not asked because it did not answer"),
  };
  readonly #steps = new Histogram({
    name: "harvest_decision_step_seconds",
    help: "Time taken by the steps of a decision",
    labelNames: ["step"],
    buckets: STEP_BUCKETS,
    registers: [this.registry],
  });

  decided({ mode, stages, published, unpublished, stepMs }: DecisionRecord, faults: number): void {
    this.#decisions.inc({ mode });
    for (const { cpu, memory } of stages) {
      this.#verdict("cpu", cpu);
      this.#verdict("memory", memory);
    }
    if (published) this.#published.inc();
    else if (unpublished) this.#unpublished.inc({ reason: unpublished });
    for (const [step, ms] of Object.entries(stepMs)) this.#steps.observe({ step }, ms / 1_000);
    this.#faults.inc(faults);
  }

  storeFailed(store: StoreName, operation: StoreOperation): void {
    this.#storeErrors.inc({ store, operation });
  }

  modelUnusable(): void {
    this.#badModels.inc();
  }

  recordDropped(reason: "queue-full" | "refused" | "closing"): void {
    this.#dropped.inc({ reason });
  }

  breakerIs(store: StoreName, state: "open" | "closed"): void {
    this.#breakers[store].set(state === "open" ? 1 : 0);
  }

  responded(status: number): void {
    this.#responses.inc({ status: String(status) });
  }

  #verdict(resource: string, { accepted, reason }: StageDecision["cpu"]): void {
    this.#verdicts.inc({ resource, accepted: String(accepted), reason });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] });
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
