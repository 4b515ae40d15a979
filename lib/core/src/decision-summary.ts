/** A decision in a line: what lists show and filters ask for. */
import type { Decision, PolicyName, ReasonCode } from "./decision.js";
import type { Mode } from "./mode.js";

export interface DecisionSummary {
  readonly v: 1;
  readonly id: string;
  readonly root: string;
  readonly namespace: string;
  readonly dag: string;
  readonly mode: Mode;
  readonly policy: PolicyName;
  readonly modelVersion?: string;
  readonly inputBytes: number;
  readonly published: boolean;
  readonly decidedAtMs: number;
  /** How many parallel stages were decided, and of how many a resource was accepted. */
  readonly stages: number;
  readonly accepted: number;
  /** Every reason that a verdict names, once each, sorted. */
  readonly reasons: readonly ReasonCode[];
  /** Predicted time of all stages together, where it is known. */
  readonly predictedMs?: { readonly user: number; readonly allocated: number };
}

export function summarizeDecision(decision: Decision): DecisionSummary {
  const { id, root, namespace, dag, mode, policy, modelVersion, inputBytes, published, decidedAtMs, stages } = decision;
  const times = stages.flatMap(({ predictedMs }) => (predictedMs ? [predictedMs] : []));
  const sum = (part: "user" | "allocated") => times.reduce((total, one) => total + one[part], 0);
  return {
    v: 1,
    ...{ id, root, namespace, dag, mode, policy, inputBytes, published, decidedAtMs },
    ...(modelVersion === undefined ? {} : { modelVersion }),
    stages: stages.length,
    accepted: stages.filter(({ cpu, memory }) => cpu.accepted || memory.accepted).length,
    reasons: [...new Set(stages.flatMap(({ cpu, memory }) => [cpu.reason, memory.reason]))].sort(),
    ...(times.length > 0 ? { predictedMs: { user: sum("user"), allocated: sum("allocated") } } : {}),
  };
}

/** All of these have to hold; what is absent is not asked. */
export interface DecisionQuery {
  readonly namespace: string;
  readonly dag?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly reason?: ReasonCode | undefined;
  /** Decided at this epoch ms or later. */
  readonly sinceMs?: number | undefined;
  /** At most so many, the newest first. */
  readonly limit: number;
}

export function answers(summary: DecisionSummary, { dag, mode, reason, sinceMs }: DecisionQuery): boolean {
  return (
    (dag === undefined || summary.dag === dag) &&
    (mode === undefined || summary.mode === mode) &&
    (reason === undefined || summary.reasons.includes(reason)) &&
    (sinceMs === undefined || summary.decidedAtMs >= sinceMs)
  );
}
