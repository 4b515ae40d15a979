/** HTTP Basic authentication with `uuid:key`, and what an identity may do where (openwhisk-protocol, section 8). */
import type { Identities } from "./identities.js";
import type { Identity } from "./messages.js";
import { WhiskRejection } from "./whisk-rejection.js";
import { notAuthorizedFor, TEXTS } from "./whisk-texts.js";

/** The namespace of the actions that come with OpenWhisk; everybody may read and invoke them. */
export const SYSTEM_NAMESPACE = "whisk.system";

export type Privilege = "READ" | "ACTIVATE" | "PUT" | "DELETE";

/** 401 without credentials or with wrong ones. */
export function authenticate(identities: Identities, authorization: string | undefined): Identity {
  const encoded = /^Basic\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) throw new WhiskRejection(401, TEXTS.noCredentials);
  const identity = identities.authenticate(Buffer.from(encoded, "base64").toString("utf8"));
  if (!identity) throw new WhiskRejection(401, TEXTS.wrongCredentials);
  return identity;
}

/** Everything in the own namespace; elsewhere only reading and invoking what comes with OpenWhisk. */
export function isEntitled(user: Identity, privilege: Privilege, namespace: string): boolean {
  if (namespace === user.namespace) return true;
  return namespace === SYSTEM_NAMESPACE && (privilege === "READ" || privilege === "ACTIVATE");
}

/** 403 unless entitled. */
export function checkEntitled(user: Identity, privilege: Privilege, namespace: string, resource: string): void {
  if (!isEntitled(user, privilege, namespace)) throw new WhiskRejection(403, notAuthorizedFor(`${namespace}/${resource}`));
}
