/** Query parameters as OpenWhisk reads them, with its own words for those it cannot read (RestAPIs.scala, Activations.scala). */
import type { FastifyRequest } from "fastify";
import { WhiskRejection } from "../whisk-rejection.js";
import { badEpoch, limitOutOfRange, malformedQuery, notAnInteger, skipOutOfRange } from "../whisk-texts.js";

const DEFAULT_LIST_LIMIT = 30;
const MAX_LIST_LIMIT = 200;

/** The text of a parameter; of one that is given more than once, the first. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  return Array.isArray(value) ? value[0] : value;
}

export function queryFlag(request: FastifyRequest, name: string, byDefault: boolean): boolean {
  const text = queryText(request, name)?.toLowerCase();
  if (text === undefined) return byDefault;
  if (["true", "yes", "on", "1"].includes(text)) return true;
  if (["false", "no", "off", "0"].includes(text)) return false;
  throw new WhiskRejection(400, malformedQuery(name, `'${text}' is not a valid Boolean value`));
}

function queryInteger(request: FastifyRequest, name: string, collection: string): number | undefined {
  const text = queryText(request, name);
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw new WhiskRejection(400, malformedQuery(name, notAnInteger(collection, text)));
  return Number(text);
}

/** `skip`, and `limit` with 0 for the most there is. */
export function queryPage(request: FastifyRequest, collection: string): { skip: number; limit: number } {
  const skip = queryInteger(request, "skip", collection) ?? 0;
  const limit = queryInteger(request, "limit", collection) ?? DEFAULT_LIST_LIMIT;
  if (skip < 0) throw new WhiskRejection(400, malformedQuery("skip", skipOutOfRange(collection, skip)));
  if (limit < 0 || limit > MAX_LIST_LIMIT)
    throw new WhiskRejection(400, malformedQuery("limit", limitOutOfRange(collection, limit, MAX_LIST_LIMIT)));
  return { skip, limit: limit === 0 ? MAX_LIST_LIMIT : limit };
}

/** ms since the epoch. */
export function queryEpoch(request: FastifyRequest, name: string): number | undefined {
  const text = queryText(request, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new WhiskRejection(400, malformedQuery(name, badEpoch(text)));
  return Number(text);
}
