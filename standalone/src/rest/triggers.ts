/** /namespaces/{ns}/triggers: create, update, get, list, delete, fire (Triggers.scala). */
import { annotationOf } from "@openwhisk-harvest/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { fireTrigger, hasActiveRule } from "../controller/fire-trigger.js";
import { isObject } from "../controller/json.js";
import type { TriggerDocument } from "../entities.js";
import { isName } from "../entity-name.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";
import { callerOf, type RestContext } from "./context.js";
import { entityOf, existing, listEntities, replaceable, withoutRev } from "./entity-requests.js";
import { readContent, readKeyValues, readVersionAndPublish } from "./put-fields.js";

export function listTriggers(context: RestContext, request: FastifyRequest): object {
  const { namespace } = callerOf(request);
  return listEntities(context, request, { view: "trigger", path: namespace, collection: "triggers", render: (summary) => summary });
}

export const getTrigger = (context: RestContext, request: FastifyRequest): object =>
  withoutRev(existing(context, "trigger", entityOf(request)));

export async function putTrigger(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = entityOf(request);
  const content = readContent(request.body);
  const previous = replaceable(context, request, "trigger", entity);
  const maxBytes = context.limits.parametersMaxBytes;
  const document: TriggerDocument = {
    ...entity,
    parameters: readKeyValues(content, "parameters", maxBytes) ?? previous?.parameters ?? [],
    limits: {},
    ...readVersionAndPublish(content, previous),
    annotations: readKeyValues(content, "annotations", maxBytes) ?? previous?.annotations ?? [],
    ...(previous?.rules && { rules: previous.rules }),
    updated: context.clock.nowMs(),
  };
  if (!previous) checkFeed(document);
  return withoutRev(await context.entities.put("trigger", document, previous?.rev));
}

/** Its rules stay, and are inactive from then on. */
export async function deleteTrigger(context: RestContext, request: FastifyRequest): Promise<object> {
  const trigger = existing(context, "trigger", entityOf(request));
  await context.entities.delete("trigger", trigger);
  return withoutRev(trigger);
}

/** 202 with the id of the trigger's own activation, or 204 when no active rule waits for it. */
export async function postTrigger(context: RestContext, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const payload = request.body ?? {};
  if (!isObject(payload)) throw malformed("Object expected");
  const trigger = existing(context, "trigger", entityOf(request));
  if (!hasActiveRule(trigger)) return reply.code(204).send();
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== "authorization"));
  const { user } = callerOf(request);
  const { name, version } = trigger;
  const activationId = fireTrigger(context, { user, trigger, payload, headers, transactionId: request.id });
  const { namespace, subject } = user;
  await context.activations.accept({ namespace, name, version, subject, activationId, start: context.clock.nowMs(), annotations: [] });
  return reply.header("x-openwhisk-activation-id", activationId).code(202).send({ activationId });
}

function checkFeed({ annotations }: TriggerDocument): void {
  if (!annotations.some((a) => a.key === "feed")) return;
  const feed = annotationOf(annotations, "feed");
  const segments = typeof feed === "string" ? feed.replace(/^\//, "").split("/") : [];
  if (segments.length === 0 || !segments.every(isName)) throw new WhiskRejection(400, TEXTS.feedNotValid);
}
