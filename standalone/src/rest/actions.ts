/** /namespaces/{ns}/actions: create, update, get, list, delete (Actions.scala). */
import type { FastifyRequest } from "fastify";
import { type EntityName, isName } from "../entity-name.js";
import type { StoredAction } from "../entity-store.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";
import { documentOfPut } from "./action-put.js";
import { callerOf, pathSegments, type RestContext } from "./context.js";
import { checkSequence } from "./exec.js";
import { queryFlag, queryPage } from "./query.js";
import { actionView } from "./render.js";

/** The action that a path names. 400 for a name that cannot be one. */
export function actionNameOf(request: FastifyRequest): EntityName {
  const segments = pathSegments(request);
  if (segments.length > 2) throw new WhiskRejection(404, TEXTS.doesNotExist);
  if (!segments.every(isName)) throw new WhiskRejection(400, TEXTS.nameIllegal);
  return { namespace: callerOf(request).namespace, name: segments.join("/") };
}

/** 404 when there is none. */
export function existingAction(context: RestContext, name: EntityName): StoredAction {
  const action = context.controller.findAction(name);
  if (!action) throw new WhiskRejection(404, TEXTS.doesNotExist);
  return action;
}

export function listActions(context: RestContext, request: FastifyRequest): object {
  const { namespace } = callerOf(request);
  const page = queryPage(request, "actions");
  if (queryFlag(request, "count", false)) return { actions: Math.max(0, context.entities.count(namespace) - page.skip) };
  return context.entities.list(namespace, page);
}

export function getAction(context: RestContext, request: FastifyRequest): object {
  const name = actionNameOf(request);
  return actionView(existingAction(context, name), queryFlag(request, "code", true));
}

export async function putAction(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = actionNameOf(request);
  if (entity.name.includes("/")) throw new WhiskRejection(404, TEXTS.doesNotExist);
  const previous = context.entities.get(entity);
  if (previous && !queryFlag(request, "overwrite", false)) throw new WhiskRejection(409, TEXTS.alreadyExists);
  const document = documentOfPut({
    entity,
    body: request.body,
    ...(previous && { previous }),
    nowMs: context.clock.nowMs(),
    maxParametersBytes: context.config.payloadMaxBytes,
  });
  const exec =
    "components" in document.exec
      ? checkSequence(document.exec, entity, context.config.sequenceMaxLength, context.controller.findAction)
      : document.exec;
  return actionView(await context.entities.put({ ...document, exec }, previous?.rev), true);
}

export async function deleteAction(context: RestContext, request: FastifyRequest): Promise<object> {
  const name = actionNameOf(request);
  const action = existingAction(context, name);
  await context.entities.delete(action);
  return actionView(action, true);
}
