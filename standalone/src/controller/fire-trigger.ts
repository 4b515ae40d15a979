/**
 * Firing a trigger (Triggers.scala 135-198, 330-435): every active rule invokes its action with the trigger's parameters below the
 * payload. The trigger's own activation record lists in `logs`, as JSON texts, what became of each rule; inactive ones too.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import { entityNameOf, type PathAndName, type ReducedRule, type Stored, type TriggerDocument } from "../entities.js";
import { formatEntityName } from "../entity-name.js";
import type { ActivationRecord, Identity } from "../messages.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { notAuthorizedFor, TEXTS, triggerWithInactiveRule } from "../whisk-texts.js";
import type { JsonObject } from "./json.js";
import { mergeParameters, overridesFinal } from "./parameters.js";
import type { ControllerParts } from "./parts.js";
import type { Throttle } from "./throttle.js";

export interface Firing {
  readonly user: Identity;
  readonly trigger: Stored<TriggerDocument>;
  readonly payload: JsonObject;
  /** Those of the request, as actions find them in `__ow_headers`. */
  readonly headers: JsonObject;
  readonly transactionId: string;
}

interface FiringParts {
  readonly controller: ControllerParts;
  readonly throttle: Pick<Throttle, "check">;
}

/** What became of one rule. The status codes are those of activations. */
type RuleOutcome = { readonly activationId: string } | { readonly statusCode: 1 | 3; readonly error: string };

export function hasActiveRule({ rules = {} }: TriggerDocument): boolean {
  return Object.values(rules).some((rule) => rule.status === "active");
}

/** Returns the id at once; the rules' actions start after it, and the record follows when all have started. */
export function fireTrigger({ controller, throttle }: FiringParts, firing: Firing): string {
  const { user, trigger, payload, headers } = firing;
  const activationId = controller.newActivationId();
  const startMs = controller.clock.nowMs();
  const content = mergeParameters(trigger, { __ow_headers: headers, ...payload });
  const outcomes = Object.entries(trigger.rules ?? {}).map(async ([ruleName, rule]) => {
    const outcome = await fireRule({ controller, throttle }, firing, content, ruleName, rule);
    return ruleLine(ruleName, rule.action, outcome);
  });
  const record = Promise.all(outcomes).then((logs) => {
    const fired = triggerRecord({ user, trigger, payload, activationId, startMs }, logs);
    controller.activations.store(fired);
    return fired;
  });
  controller.track(record);
  return activationId;
}

async function fireRule(
  { controller, throttle }: FiringParts,
  { user, transactionId }: Firing,
  content: unknown,
  ruleName: string,
  rule: ReducedRule,
): Promise<RuleOutcome> {
  const name = entityNameOf(rule.action);
  if (rule.status !== "active") return { statusCode: 1, error: triggerWithInactiveRule(ruleName, formatEntityName(name)) };
  try {
    throttle.check(user.namespace);
    if (!controller.mayUse(user, name)) throw new WhiskRejection(403, notAuthorizedFor(formatEntityName(name)));
    const action = controller.findAction(name);
    if (!action) throw new WhiskRejection(404, TEXTS.doesNotExist);
    if (overridesFinal(action, content)) throw new WhiskRejection(400, TEXTS.parametersNotAllowed);
    const { activationId } = await controller.invoke({
      user,
      action,
      payload: content,
      transactionId,
      createdAtMs: controller.clock.nowMs(),
    });
    return { activationId };
  } catch (error) {
    if (error instanceof WhiskRejection) return { statusCode: 1, error: error.message };
    controller.onStepFailed(error);
    const unavailable = error instanceof HarvestError && error.code === "OWH_NO_INVOKER";
    return { statusCode: 3, error: unavailable ? TEXTS.noInvokers : TEXTS.internalError };
  }
}

function ruleLine(rule: string, action: PathAndName, outcome: RuleOutcome): string {
  const statusCode = "error" in outcome ? outcome.statusCode : 0;
  return JSON.stringify({ rule, action: formatEntityName(entityNameOf(action)), statusCode, success: statusCode === 0, ...outcome });
}

interface Fired extends Pick<Firing, "user" | "trigger" | "payload"> {
  readonly activationId: string;
  readonly startMs: number;
}

/** `end` 0 is how OpenWhisk marks that a trigger's activation has no end; REST leaves it out. */
function triggerRecord({ user, trigger, payload, activationId, startMs }: Fired, logs: readonly string[]): ActivationRecord {
  return {
    namespace: user.namespace,
    name: trigger.name,
    version: trigger.version,
    subject: user.subject,
    activationId,
    start: startMs,
    end: 0,
    duration: 0,
    response: { statusCode: 0, result: payload },
    logs,
    annotations: [],
    publish: false,
  };
}
