/**
 * Which key a request shows, whether it may ask, and whether that often; decided by the head of a request, before its
 * body is read.
 */
import type { FastifyRequest } from "fastify";
import { authenticate, forbidden, mayReadPackage } from "../auth.js";
import type { InvokeRequest } from "../controller/parts.js";
import type { EntityName } from "../entity-name.js";
import type { Identity } from "../messages.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { recordsNotKept } from "../whisk-texts.js";
import { pathSegments, type RestContext, setCaller } from "./context.js";

/** 401, 403 or 429 when the request is not to be answered. */
export function admit(context: RestContext, request: FastifyRequest): void {
  const user = authenticate(context.identities, request.headers.authorization);
  const { namespace: given = "_", id = "" } = request.params as Record<string, string | undefined>;
  const namespace = given === "_" ? user.namespace : given;
  setCaller(request, { user, namespace });
  const collection = request.routeOptions.url?.split("/")[5] ?? "";
  const entity = { namespace, name: pathSegments(request).join("/") || id };
  if (namespace !== user.namespace && !mayVisit(context, request, user, collection, entity)) throw forbidden(entity);
  if (request.method !== "POST") return;
  if (collection === "actions") admitInvocation(context, { user, transactionId: request.id }, entity);
  if (collection !== "triggers") return;
  context.throttle.checkFire(user.namespace);
  checkRecordsKept(context);
}

/** 503 when the record of one more activation could not be kept. */
export function checkRecordsKept({ activations, failing }: RestContext): void {
  if (!activations.takesMore) throw new WhiskRejection(503, recordsNotKept(failing() ?? "its journal is full"));
}

/** What follows from what runs is judged when its body has been read; and branches of a run that was let in are never refused. */
function admitInvocation(context: RestContext, caller: Pick<InvokeRequest, "user" | "transactionId">, action: EntityName) {
  const { controller, throttle } = context;
  const { admission, callers } = controller;
  const { namespace } = caller.user;
  if (!callers.isForked(caller, action)) throttle.check(namespace);
  if (callers.isKnown(caller)) return;
  checkRecordsKept(context);
  admission.check(namespace);
}

/**
 * What a caller may do in the namespace of another: list packages, read published ones, and read and invoke their
 * actions.
 */
function mayVisit({ entities }: RestContext, { method }: FastifyRequest, user: Identity, collection: string, entity: EntityName): boolean {
  const reads = method === "GET" || method === "HEAD";
  const [first = "", second] = entity.name.split("/");
  const packageName = { namespace: entity.namespace, name: first };
  if (collection === "packages") return reads && (entity.name === "" || mayReadPackage(entities, user, packageName));
  if (collection !== "actions" || second === undefined) return false;
  return (reads || method === "POST") && mayReadPackage(entities, user, packageName);
}
