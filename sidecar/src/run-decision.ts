/** The main path of the service: one decision, in named steps. The names are those of `stepMs` and of the metrics. */
import {
  type Clock,
  type Config,
  type DagDescription,
  DEFAULT_MODE_SETTINGS,
  type Grid,
  HarvestError,
  type ModeSettings,
  messageOf,
  type SigningKey,
  signFields,
} from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { consentOf } from "./consent.js";
import { splitStages } from "./decide/decide.js";
import type { VerdictMemory } from "./decide/hysteresis.js";
import { asMap, itemStageOf, predictItems } from "./decide/items.js";
import { predict } from "./decide/predict.js";
import { sharingOf } from "./decide/sharing.js";
import { functionsInStages, withinSizeLimit } from "./decide/size-limit.js";
import { decidesStages } from "./decide/state.js";
import type { DecisionBudget } from "./decision-budget.js";
import { type DecisionRecord, type DecisionRequest, requestedId, type Unpublished } from "./decision-record.js";
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
  readonly verdicts: VerdictMemory;
  readonly budget: DecisionBudget;
  readonly signingKey?: SigningKey | undefined;
}

/** Rejects when the DAG is unknown or cannot be read. All else that fails leads to an unpublished decision. */
export async function runDecision(request: DecisionRequest, parts: DecisionParts): Promise<DecisionRecord> {
  const { namespace, dag: name, root, inputBytes, fork } = request;
  const { settings, grid, knowledge, clock, metrics, logger } = parts;
  const steps = new StepTimer(clock);
  const described = await steps.time("load-dag", () => knowledge.dag(namespace, name));
  const { modes, isKnown } = await steps.time("read-mode", () => readModes(parts));
  const items = fork && itemStageOf(described, fork);
  const asked = fork ? (items?.dag ?? withoutStages(described)) : described;
  const { mode, kept } = consentOf(asked, modes, namespace, clock.nowMs());
  const isAffordable = !decidesStages(mode) || parts.budget.take(namespace, functionsInStages(asked));
  const dag = withinSizeLimit(sharingOf(isAffordable ? asked : withoutStages(asked), kept));
  const [model, policy = settings.policy] = await steps.time("load-model", async () =>
    decidesStages(mode) ? Promise.all([knowledge.model(namespace, name), knowledge.policy(namespace, name)]) : [],
  );
  const wasSplit = (forkPath: string) => parts.verdicts.wasSplit(namespace, name, forkPath);
  const state = { ...settings, policy, wasSplit, dag, ...(model && { model }), inputBytes, grid, mode, namespace, root };
  const predictions = steps.timeSync("predict", () => (items ? predictItems(state, items) : predict(state)));
  const { faults, ...draft } = steps.timeSync("split", () => splitStages(state, predictions));
  const stages = fork && items ? draft.stages.map((stage) => asMap(stage, fork, items)) : draft.stages;
  const decided = { ...draft, stages, id: requestedId(request), decidedAtMs: clock.nowMs() };
  const publishing = async () => (isKnown ? publish(decided, parts) : "redis-unavailable");
  const unpublished = isAffordable ? await steps.time("publish", publishing) : "over-budget";

  const decision = { ...decided, published: unpublished === undefined, ...(unpublished && { unpublished }), stepMs: steps.stepMs };
  metrics.decided(decision, faults.length);
  for (const { forkPath, cpu } of stages) parts.verdicts.note(namespace, name, forkPath, cpu.accepted);
  for (const fault of faults) logger.error({ decision: decision.id, fault }, "a policy made an invalid split");
  logger.debug({ decision: decision.id, mode, unpublished, stepMs: steps.stepMs }, "decided");
  return decision;
}

/** There is nothing to decide: a fork that is none of a map we can decide on, or a namespace that has spent its budget. */
function withoutStages(dag: DagDescription): DagDescription {
  return { ...dag, stages: [] };
}

/** Modes that cannot be read are `observe`: look, but do not touch. */
async function readModes({ redis, logger }: DecisionParts): Promise<{ modes: ModeSettings; isKnown: boolean }> {
  try {
    return { modes: await redis.modes(), isKnown: true };
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    logger.debug({ reason: messageOf(error) }, "the mode could not be read");
    return { modes: DEFAULT_MODE_SETTINGS, isKnown: false };
  }
}

/** Undefined once Redis has the accepted stages; else why they are not in force. */
async function publish(
  decision: Parameters<typeof publishedFields>[0],
  { redis, logger, signingKey }: DecisionParts,
): Promise<Unpublished | undefined> {
  if (decision.mode !== "harvest") return "mode";
  const fields = publishedFields(decision);
  if (Object.keys(fields).length === 0) return "nothing-accepted";
  try {
    await redis.publish(decision.root, signingKey ? signFields(signingKey, decision.root, fields) : fields);
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
