/** What requests on the collections have in common: names, lists, and the answers for what is not there (ApiUtils.scala). */
import type { FastifyRequest } from "fastify";
import type { EntitySummaries, EntityType, EntityTypes, Stored } from "../entities.js";
import { type EntityName, isName } from "../entity-name.js";
import type { Change, View } from "../storage/entity-store.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { TEXTS } from "../whisk-texts.js";
import { callerOf, pathSegments, type RestContext } from "./context.js";
import { queryFlag, queryPage } from "./query.js";

/** The entity that `/{collection}/{name}` names. 400 for a name that cannot be one. */
export function entityOf(request: FastifyRequest): EntityName {
  const segments = pathSegments(request);
  if (segments.length !== 1) throw new WhiskRejection(404, TEXTS.doesNotExist);
  const [name = ""] = segments;
  if (!isName(name)) throw new WhiskRejection(400, TEXTS.nameIllegal);
  return { namespace: callerOf(request).namespace, name };
}

/** 404 when there is none, 409 when the name belongs to an entity of another type. */
export function existing<T extends EntityType>(context: RestContext, type: T, entity: EntityName): Stored<EntityTypes[T]> {
  const found = context.entities.get(type, entity);
  if (found) return found;
  throw notThere(context, entity);
}

export function notThere(context: RestContext, entity: EntityName): WhiskRejection {
  if (context.entities.typeOf(entity)) return new WhiskRejection(409, TEXTS.notInThisCollection);
  return new WhiskRejection(404, TEXTS.doesNotExist);
}

/** The entity that a PUT updates. 409 when it exists and the request does not say `overwrite`, or when it is of another type. */
export function replaceable<T extends EntityType>(
  context: RestContext,
  request: FastifyRequest,
  type: T,
  entity: EntityName,
): Stored<EntityTypes[T]> | undefined {
  const previous = context.entities.get(type, entity);
  if (!previous && context.entities.typeOf(entity)) throw new WhiskRejection(409, TEXTS.notInThisCollection);
  const overwrite = queryFlag(request, "overwrite", false);
  if (previous && !overwrite) throw new WhiskRejection(409, TEXTS.alreadyExists);
  return previous;
}

/** A list of a collection, or with `count` how many there are from `skip` on. `collection` names it in the answer. */
export function listEntities<V extends View>(
  context: RestContext,
  request: FastifyRequest,
  { view, path, collection, render }: ListOptions<V>,
): object {
  const page = queryPage(request, collection);
  if (queryFlag(request, "count", false)) return { [collection]: Math.max(0, context.entities.count(view, path) - page.skip) };
  return context.entities.list(view, path, page).map(render);
}

interface ListOptions<V extends View> {
  readonly view: V;
  readonly path: string;
  readonly collection: string;
  readonly render: (summary: EntitySummaries[V extends EntityType ? V : "package"]) => object;
}

/** The change that puts a new document in the place of the one it was made from. */
export function replacing<T extends EntityType>(type: T, next: EntityTypes[T], previous: { readonly rev: string } | undefined): Change<T> {
  const { namespace, name } = next;
  return { type, entity: { namespace, name }, next, ...(previous && { rev: previous.rev }) };
}

/** The document without what only the store needs. */
export function withoutRev<D extends object>(stored: D & { readonly rev?: string }): Omit<D, "rev"> {
  const { rev: _, ...document } = stored;
  return document;
}
