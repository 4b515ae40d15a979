/** /namespaces/{ns}/packages: packages and bindings (Packages.scala). */
import type { FastifyRequest } from "fastify";
import { forbidden, mayReadPackage } from "../auth.js";
import { BUILTIN_ACTIONS, BUILTIN_PACKAGES, SYSTEM_NAMESPACE } from "../controller/builtin.js";
import { isObject, type JsonObject } from "../controller/json.js";
import { findPackage, mergeByKey } from "../controller/resolve-action.js";
import { type PackageDocument, packageOf, type Stored } from "../entities.js";
import { type EntityName, isName } from "../entity-name.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { packageNameIsReserved, packageNotEmpty, TEXTS } from "../whisk-texts.js";
import { callerOf, type RestContext } from "./context.js";
import { entityOf, listEntities, notThere, replaceable, withoutRev } from "./entity-requests.js";
import { annotationsByKey, readContent, readKeyValues, readVersionAndPublish } from "./put-fields.js";
import { queryFlag } from "./query.js";
import { packageActionViews } from "./render.js";

const RESERVED_NAME = "default";

/** Others see the published ones only. */
export function listPackages(context: RestContext, request: FastifyRequest): object {
  const { user, namespace } = callerOf(request);
  if (namespace === SYSTEM_NAMESPACE) return BUILTIN_PACKAGES.map((p) => ({ ...withoutRev(p), binding: false }));
  const view = user.namespace === namespace ? "package" : "public-package";
  return listEntities(context, request, { view, path: namespace, collection: "packages", render: (summary) => summary });
}

/** With its actions; a binding shows those of the package behind it, and its parameters over that package's. */
export function getPackage(context: RestContext, request: FastifyRequest): object {
  const name = entityOf(request);
  const found = readablePackage(context, request, name);
  const provider = found.binding ? findPackage(context.entities, found.binding) : found;
  if (!provider) throw notThere(context, found.binding ?? name);
  const actions = packageActions(context, provider);
  return {
    ...packageView(found),
    parameters: found === provider ? found.parameters : mergeByKey(provider.parameters, found.parameters),
    ...packageActionViews(actions),
  };
}

/** The package, if the caller may read it: 403 otherwise, also when there is none in another's namespace. */
export function readablePackage(context: RestContext, request: FastifyRequest, name: EntityName): Stored<PackageDocument> {
  if (!mayReadPackage(context.entities, callerOf(request).user, name)) throw forbidden(name);
  const found = findPackage(context.entities, name);
  if (!found) throw notThere(context, name);
  return found;
}

/** Summaries of all actions in a package that is no binding. */
export function packageActions({ entities }: RestContext, { namespace, name }: PackageDocument) {
  if (namespace === SYSTEM_NAMESPACE) return BUILTIN_ACTIONS.filter((a) => packageOf(a)?.name === name);
  return entities.list("action", `${namespace}/${name}`, { skip: 0, limit: 0 });
}

export async function putPackage(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = entityOf(request);
  if (entity.name === RESERVED_NAME) throw new WhiskRejection(400, packageNameIsReserved(entity.name));
  const content = readContent(request.body);
  const binding = readBinding(content, entity.namespace);
  const previous = replaceable(context, request, "package", entity);
  if (binding) checkBinding(context, request, binding, previous);
  const maxBytes = context.limits.parametersMaxBytes;
  const bound = binding ?? previous?.binding;
  const annotations = (readKeyValues(content, "annotations", maxBytes) ?? previous?.annotations ?? []).filter((a) => a.key !== "binding");
  const document: PackageDocument = {
    ...entity,
    ...(bound && { binding: bound }),
    parameters: readKeyValues(content, "parameters", maxBytes) ?? previous?.parameters ?? [],
    ...readVersionAndPublish(content, previous),
    annotations: annotationsByKey(annotations, bound ? [{ key: "binding", value: bound }] : []),
    updated: context.clock.nowMs(),
  };
  return packageView(await context.entities.put("package", document, previous?.rev));
}

/** A package has to be empty; with `force` its actions go with it. */
export async function deletePackage(context: RestContext, request: FastifyRequest): Promise<object> {
  const entity = entityOf(request);
  const force = queryFlag(request, "force", false);
  const found = context.entities.get("package", entity);
  if (!found) throw notThere(context, entity);
  const actions = found.binding ? [] : context.entities.list("action", `${entity.namespace}/${entity.name}`, { skip: 0, limit: 0 });
  if (actions.length > 0 && !force) throw new WhiskRejection(409, packageNotEmpty(actions.length));
  const stored = actions.map(({ namespace, name }) => context.entities.get("action", { namespace, name })).filter((a) => a !== undefined);
  await context.entities.change([
    ...stored.map(({ namespace, name, rev }) => ({ type: "action" as const, entity: { namespace, name }, rev })),
    { type: "package", entity, rev: found.rev },
  ]);
  return packageView(found);
}

/** `binding: {}` says that this is no binding. */
function packageView(stored: Stored<PackageDocument>): object {
  return { ...withoutRev(stored), binding: stored.binding ?? {} };
}

/**
 * `{namespace, name}`; the namespace `_` is that of the package. The empty object is what clients send for no binding.
 */
function readBinding(content: JsonObject, ownNamespace: string): EntityName | undefined {
  const binding = content["binding"];
  if (binding === undefined || binding === null || (isObject(binding) && Object.keys(binding).length === 0)) return undefined;
  if (!isObject(binding)) throw malformed("binding malformed");
  const { namespace = "_", name } = binding;
  if (typeof namespace !== "string" || typeof name !== "string" || !isName(name)) throw malformed("binding malformed");
  const resolved = namespace === "_" || namespace === "" ? ownNamespace : namespace;
  if (!isName(resolved)) throw malformed("binding malformed");
  return { namespace: resolved, name };
}

function checkBinding(context: RestContext, request: FastifyRequest, binding: EntityName, previous: PackageDocument | undefined): void {
  if (!mayReadPackage(context.entities, callerOf(request).user, binding)) throw forbidden(binding);
  if (previous && !previous.binding) throw new WhiskRejection(409, TEXTS.packageCannotBecomeBinding);
  const provider = findPackage(context.entities, binding);
  if (!provider && context.entities.typeOf(binding)) throw new WhiskRejection(409, TEXTS.bindingIsNotValid);
  if (!provider) throw new WhiskRejection(400, TEXTS.bindingDoesNotExist);
  if (provider.binding) throw new WhiskRejection(400, TEXTS.bindingCannotReferenceBinding);
}
