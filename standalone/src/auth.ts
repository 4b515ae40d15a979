/**
 * HTTP Basic authentication with `uuid:key`, and what an identity may do where (openwhisk-protocol, 8;
 * ActionCollection.scala, PackageCollection.scala): everything in its own namespace; elsewhere only reading published
 * packages and reading and invoking the actions in them. A caller that uses a binding must be allowed the package
 * behind it.
 */
import { findPackage } from "./controller/resolve-action.js";
import { packageOf } from "./entities.js";
import type { EntityName } from "./entity-name.js";
import type { Identity } from "./messages.js";
import type { EntityStore } from "./storage/entity-store.js";
import type { Identities } from "./storage/identities.js";
import { WhiskRejection } from "./whisk-rejection.js";
import { notAuthorizedFor, TEXTS } from "./whisk-texts.js";

/** 401 without credentials or with wrong ones. */
export function authenticate(identities: Identities, authorization: string | undefined): Identity {
  const encoded = /^Basic\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) throw new WhiskRejection(401, TEXTS.noCredentials);
  const identity = identities.authenticate(Buffer.from(encoded, "base64").toString("utf8"));
  if (!identity) throw new WhiskRejection(401, TEXTS.wrongCredentials);
  return identity;
}

/**
 * Whether the package may be read, and its actions with it. Unknown packages of others are forbidden, so that nothing
 * leaks.
 */
export function mayReadPackage(entities: EntityStore, user: Identity, name: EntityName): boolean {
  const isOwner = name.namespace === user.namespace;
  const found = findPackage(entities, name);
  if (!found) return isOwner;
  if (!found.binding) return isOwner || found.publish;
  return isOwner && mayReadPackage(entities, user, found.binding);
}

/** Whether the action may be read and invoked; the default package is private. */
export function mayUseAction(entities: EntityStore, user: Identity, name: EntityName): boolean {
  const parent = packageOf(name);
  return parent ? mayReadPackage(entities, user, parent) : name.namespace === user.namespace;
}

/** 403 */
export function forbidden(resource: EntityName): WhiskRejection {
  return new WhiskRejection(403, notAuthorizedFor(resource.name === "" ? resource.namespace : `${resource.namespace}/${resource.name}`));
}
