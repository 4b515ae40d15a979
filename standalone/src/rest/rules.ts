/** /namespaces/{ns}/rules: what a trigger starts (Rules.scala). A rule's status lives with its trigger. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { forbidden, mayUseAction } from "../auth.js";
import { isObject, type JsonObject } from "../controller/json.js";
import {
  entityNameOf,
  type PathAndName,
  pathAndNameOf,
  type ReducedRule,
  type RuleDocument,
  type RuleStatus,
  type Stored,
  type TriggerDocument,
} from "../entities.js";
import { type EntityName, formatEntityName, resolveName } from "../entity-name.js";
import type { Change } from "../storage/entity-store.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { entityDoesNotExist, statusNotRecognized, TEXTS } from "../whisk-texts.js";
import { callerOf, type RestContext } from "./context.js";
import { entityOf, existing, listEntities, replaceable, replacing, withoutRev } from "./entity-requests.js";
import { readContent, readKeyValues, readVersionAndPublish } from "./put-fields.js";

type Trigger = Stored<TriggerDocument>;

export function listRules(context: RestContext, request: FastifyRequest): object {
  const { namespace } = callerOf(request);
  return listEntities(context, request, { view: "rule", path: namespace, collection: "rules", render: (rule) => rule });
}

export function getRule(context: RestContext, request: FastifyRequest): object {
  const rule = existing(context, "rule", entityOf(request));
  return ruleView(rule, statusOf(rule, triggerOf(context, rule)));
}

/** The rule and the trigger's link to it change together. A new rule is active; an update keeps the status. */
export async function putRule(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = entityOf(request);
  const content = readContent(request.body);
  const given = { trigger: readName(content, "trigger", entity.namespace), action: readName(content, "action", entity.namespace) };
  if (given.trigger && given.trigger.namespace !== entity.namespace) throw forbidden(given.trigger);
  if (given.action && !mayUseAction(context.entities, callerOf(request).user, given.action)) throw forbidden(given.action);
  const previous = replaceable(context, request, "rule", entity);
  const triggerName = given.trigger ?? (previous && entityNameOf(previous.trigger));
  const actionName = given.action ?? (previous && entityNameOf(previous.action));
  if (!triggerName || !actionName) throw new WhiskRejection(400, TEXTS.ruleNeedsTriggerAndAction);
  const trigger = context.entities.get("trigger", triggerName);
  if (!trigger) throw new WhiskRejection(400, entityDoesNotExist("trigger", formatEntityName(triggerName)));
  if (!context.controller.findAction(actionName)) throw new WhiskRejection(400, entityDoesNotExist("action", formatEntityName(actionName)));
  const oldTrigger = previous && triggerOf(context, previous);
  const rule: RuleDocument = {
    ...entity,
    trigger: pathAndNameOf(triggerName),
    action: pathAndNameOf(actionName),
    ...readVersionAndPublish(content, previous),
    annotations: readKeyValues(content, "annotations", context.limits.parametersMaxBytes) ?? previous?.annotations ?? [],
    updated: context.clock.nowMs(),
  };
  const status = previous ? statusOf(previous, oldTrigger) : "active";
  const changes: Change[] = [
    replacing("rule", rule, previous),
    replacing("trigger", linked(trigger, entity, { action: rule.action, status }), trigger),
  ];
  if (oldTrigger && oldTrigger.name !== trigger.name) changes.push(replacing("trigger", linked(oldTrigger, entity, undefined), oldTrigger));
  await context.entities.change(changes);
  return ruleView(rule, status);
}

/** Switches a rule on or off. Setting it to what it is changes nothing. */
export async function postRule(context: RestContext, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const status = readStatus(request.body);
  const entity = entityOf(request);
  const rule = existing(context, "rule", entity);
  const trigger = triggerOf(context, rule);
  if (statusOf(rule, trigger) !== status) {
    if (!trigger) throw new WhiskRejection(404, TEXTS.ruleWithoutTrigger);
    await context.entities.change([replacing("trigger", linked(trigger, entity, { action: rule.action, status }), trigger)]);
  }
  return reply.code(200).type("text/plain; charset=UTF-8").send("OK");
}

export async function deleteRule(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = entityOf(request);
  const rule = existing(context, "rule", entity);
  const trigger = triggerOf(context, rule);
  const changes: Change[] = [{ type: "rule", entity, rev: rule.rev }];
  if (trigger) changes.push(replacing("trigger", linked(trigger, entity, undefined), trigger));
  await context.entities.change(changes);
  return ruleView(rule, "inactive");
}

function triggerOf({ entities }: RestContext, rule: RuleDocument): Trigger | undefined {
  return entities.get("trigger", entityNameOf(rule.trigger));
}

/** Inactive when the trigger is gone, or does not know of the rule. */
function statusOf(rule: RuleDocument, trigger: TriggerDocument | undefined): RuleStatus {
  return trigger?.rules?.[formatEntityName(rule)]?.status ?? "inactive";
}

/** The trigger with a link to the rule, or without. */
function linked(trigger: Trigger, rule: EntityName, link: ReducedRule | undefined): TriggerDocument {
  const { [formatEntityName(rule)]: _, ...others } = trigger.rules ?? {};
  return { ...withoutRev(trigger), rules: link ? { ...others, [formatEntityName(rule)]: link } : others };
}

function ruleView(rule: RuleDocument | Stored<RuleDocument>, status: RuleStatus): object {
  return { ...withoutRev(rule), status };
}

/** `/namespace/[package/]name`, or as OpenWhisk itself prints it: `{path, name}`. */
function readName(content: JsonObject, field: "trigger" | "action", namespace: string): EntityName | undefined {
  const value = content[field];
  if (value === undefined || value === null) return undefined;
  const name = resolveName(isPathAndName(value) ? formatEntityName(entityNameOf(value)).replace(/^/, "/") : value, namespace);
  if (!name) throw malformed(TEXTS.malformedName);
  return name;
}

function isPathAndName(value: unknown): value is PathAndName {
  return isObject(value) && typeof value["path"] === "string" && typeof value["name"] === "string";
}

function readStatus(body: unknown): RuleStatus {
  const status = isObject(body) ? body["status"] : undefined;
  if (status === "active" || status === "inactive") return status;
  throw malformed(statusNotRecognized(status));
}
