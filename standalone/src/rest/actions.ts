/** /namespaces/{ns}/actions: create, update, get, list, delete, also in packages (Actions.scala). */
import type { FastifyRequest } from "fastify";
import { forbidden } from "../auth.js";
import { findPackage } from "../controller/resolve-action.js";
import { packageOf, type StoredAction } from "../entities.js";
import { type EntityName, isName } from "../entity-name.js";
import type { ActionDocument } from "../messages.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";
import { documentOfPut } from "./action-put.js";
import { callerOf, pathSegments, type RestContext } from "./context.js";
import { existing, listEntities, notThere, replaceable } from "./entity-requests.js";
import { checkSequence } from "./exec.js";
import { packageActions, readablePackage } from "./packages.js";
import { queryFlag, queryPage } from "./query.js";
import { actionSummaryView, actionView } from "./render.js";

/** The action that a path names. 400 for a name that cannot be one. */
export function actionNameOf(request: FastifyRequest): EntityName {
  const segments = pathSegments(request);
  if (segments.length > 2) throw new WhiskRejection(404, TEXTS.doesNotExist);
  if (!segments.every(isName)) throw new WhiskRejection(400, TEXTS.nameIllegal);
  return { namespace: callerOf(request).namespace, name: segments.join("/") };
}

/** Through package and binding. 403 when the binding's package is no longer the caller's to use, 404 when there is no action. */
export function existingAction(context: RestContext, request: FastifyRequest, name: EntityName): StoredAction {
  if (!context.controller.mayUse(callerOf(request).user, name)) throw forbidden(name);
  const action = context.controller.findAction(name);
  if (!action) throw notThere(context, name);
  return action;
}

/** `/actions` and `/actions/` list all actions of the namespace, `/actions/{package}/` those of a package. */
export function listActions(context: RestContext, request: FastifyRequest): object {
  const { namespace } = callerOf(request);
  return listEntities(context, request, { view: "action", path: namespace, collection: "actions", render: actionSummaryView });
}

function listPackageActions(context: RestContext, request: FastifyRequest, name: EntityName): object {
  if (!isName(name.name)) throw new WhiskRejection(400, TEXTS.nameIllegal);
  const named = readablePackage(context, request, name);
  const provider = named.binding ? findPackage(context.entities, named.binding) : named;
  if (!provider) throw notThere(context, name);
  const { skip, limit } = queryPage(request, "actions");
  const all = packageActions(context, provider);
  return all.slice(skip, skip + limit).map((action) => {
    const { namespace, name: actionName, version, publish, annotations, limits, exec, updated } = action;
    return actionSummaryView({ namespace, name: actionName, version, publish, annotations, limits, exec: isBinary(exec), updated });
  });
}

const isBinary = (exec: object) => ({ binary: "binary" in exec && exec.binary === true });

export function getAction(context: RestContext, request: FastifyRequest): object {
  const segments = pathSegments(request);
  const [first = "", second] = segments;
  if (first === "" && segments.length === 1) return listActions(context, request);
  if (second === "" && segments.length === 2)
    return listPackageActions(context, request, { namespace: callerOf(request).namespace, name: first });
  return actionView(existingAction(context, request, actionNameOf(request)), queryFlag(request, "code", true));
}

export async function putAction(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = actionNameOf(request);
  checkPackageIsOwn(context, entity);
  const previous = replaceable(context, request, "action", entity);
  const document = documentOfPut({
    entity,
    body: request.body,
    ...(previous && { previous }),
    nowMs: context.clock.nowMs(),
    limits: context.limits,
    runtimes: context.runtimes,
  });
  const complete = "components" in document.exec ? sequenceDocument(context, request, document) : document;
  return actionView(await context.entities.put("action", complete, previous?.rev), true);
}

/** A sequence has its components checked and made absolute; OpenWhisk also shows them as its only parameter. */
function sequenceDocument(context: RestContext, request: FastifyRequest, document: ActionDocument): ActionDocument {
  if (!("components" in document.exec)) return document;
  const { user } = callerOf(request);
  const { findAction, mayUse } = context.controller;
  const exec = checkSequence(document.exec, document, context.config.sequenceMaxLength, {
    find: findAction,
    mayUse: (name) => mayUse(user, name),
  });
  return { ...document, exec, parameters: [{ key: "_actions", value: exec.components }] };
}

export async function deleteAction(context: RestContext, request: FastifyRequest): Promise<object> {
  const name = actionNameOf(request);
  checkPackageIsOwn(context, name);
  const action = existing(context, "action", name);
  await context.entities.delete("action", action);
  return actionView(action, true);
}

/** Actions are written to packages that exist and hold their own actions: 404 and 400 otherwise. */
function checkPackageIsOwn(context: RestContext, name: EntityName): void {
  const parent = packageOf(name);
  if (parent && existing(context, "package", parent).binding) throw new WhiskRejection(400, TEXTS.notAllowedOnBinding);
}
