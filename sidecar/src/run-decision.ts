/** The main path of the service: one decision, in named steps. The names are those of `stepMs` and of the metrics. */
import { type Clock, type Config, effectiveMode, type Grid, HarvestError, type Mode, messageOf } from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { planStages } from "./decide/decide.js";
import { predict } from "./decide/predict.js";
import { decidesStages } from "./decide/state.js";
import { type DecisionRecord, type DecisionRequest, decisionIdOf, type Unpublished } from "./decision-record.js";
import type { GuardedRedis } from "./guarded-redis.js";
import type { Knowledge } from "./knowledge.js";
import type { SidecarMetrics } from "./metrics.js";
import { publishedFields } from "./publish.js";
import { StepTimer } from "./step-timer.js";

export interface DecisionParts {
  readonly settings: Pick<Config["decision"], "policy" | "minSamples" | "marginSpread">;
  readonly grid: Grid;
  readonly knowledge: Knowledge;
  readonly redis: GuardedRedis;
  readonly clock: Clock;
  readonly metrics: SidecarMetrics;
  readonly logger: Logger;
}

/** Rejects when the DAG is unknown or cannot be read. All else that fails leads to an unpublished decision. */
export async function runDecision(
  { namespace, dag: name, root, inputBytes }: DecisionRequest,
  parts: DecisionParts,
): Promise<DecisionRecord> {
  const { settings, grid, knowledge, clock, metrics, logger } = parts;
  const steps = new StepTimer(clock);
  const dag = await steps.time("load-dag", () => knowledge.dag(namespace, name));
  const { mode, isKnown } = await steps.time("read-mode", () => readMode(namespace, parts));
  const model = await steps.time("load-model", async () => (decidesStages(mode) ? knowledge.model(namespace, name) : undefined));
  const state = { ...settings, dag, ...(model && { model }), inputBytes, grid, mode, namespace, root };
  const predictions = steps.timeSync("predict", () => predict(state));
  const { faults, ...draft } = steps.timeSync("plan", () => planStages(state, predictions));
  const decided = { ...draft, id: decisionIdOf(root), decidedAtMs: clock.nowMs() };
  const unpublished = await steps.time("publish", async () => (isKnown ? publish(decided, parts) : "redis-unavailable"));

  const decision = { ...decided, published: unpublished === undefined, ...(unpublished && { unpublished }), stepMs: steps.stepMs };
  metrics.decided(decision, faults.length);
  for (const fault of faults) logger.error({ decision: decision.id, fault }, "a policy made an invalid plan");
  logger.debug({ decision: decision.id, mode, unpublished, stepMs: steps.stepMs }, "decided");
  return decision;
}

/** A mode that cannot be read is `observe`: look, but do not touch. */
async function readMode(namespace: string, { redis, logger }: DecisionParts): Promise<{ mode: Mode; isKnown: boolean }> {
  try {
    return { mode: effectiveMode(await redis.modes(), namespace), isKnown: true };
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    logger.debug({ reason: messageOf(error) }, "the mode could not be read");
    return { mode: "observe", isKnown: false };
  }
}

/** Undefined once Redis has the accepted stages; else why they are not in force. */
async function publish(
  decision: Parameters<typeof publishedFields>[0],
  { redis, logger }: DecisionParts,
): Promise<Unpublished | undefined> {
  if (decision.mode !== "harvest") return "mode";
  const fields = publishedFields(decision);
  if (Object.keys(fields).length === 0) return "nothing-accepted";
  try {
    await redis.publish(decision.root, fields);
    return undefined;
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    logger.debug({ decision: decision.id, reason: messageOf(error) }, "a decision could not be published");
    return "redis-unavailable";
  }
}

function isStoreFailure(error: unknown): boolean {
  return error instanceof HarvestError && error.code === "OWH_STORE_UNAVAILABLE";
}
