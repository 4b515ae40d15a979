/** What a caller may see and do: everything of the namespaces that its key belongs to, and nothing else. */
import { HarvestError } from "@openwhisk-harvest/core";
import type { RequestHandler, Response } from "express";
import { basicOf, type KeyVerifier } from "../key-verifier.js";

interface Caller {
  readonly namespaces: readonly string[];
}

/** 401 without a key, or with one that OpenWhisk does not know. */
export function authenticate(keys: KeyVerifier): RequestHandler {
  return async (request, response, next) => {
    const basic = basicOf(request.headers.authorization);
    if (basic === undefined) throw new HarvestError("OWH_UNAUTHORIZED", "An OpenWhisk key is needed: Authorization: Basic ...");
    const namespaces = await keys.verify(basic);
    if (namespaces.length === 0) throw new HarvestError("OWH_UNAUTHORIZED", "OpenWhisk does not know this key.");
    (response.locals as { caller?: Caller }).caller = { namespaces };
    next();
  };
}

/**
 * The namespace meant by the caller, `_` being the key's own as in OpenWhisk's API. OWH_FORBIDDEN when the key belongs
 * to another one.
 */
export function authorize(response: Response, namespace: string): string {
  const namespaces = (response.locals as { caller?: Caller }).caller?.namespaces ?? [];
  const meant = namespace === "_" ? namespaces[0] : namespace;
  if (meant !== undefined && namespaces.includes(meant)) return meant;
  throw new HarvestError("OWH_FORBIDDEN", `The key does not belong to the namespace ${JSON.stringify(namespace)}.`);
}
