/** Transaction ids of messages (openwhisk-protocol, 1.2): `[id, since]`, `true` for extra logging, and the one it is a child of. */
import { parseJson } from "@openwhisk-harvest/core";

export interface Transid {
  /** From its own id outwards; the last is the client's request's, which the client may have chosen. The others were drawn by controllers. */
  readonly ids: readonly string[];
  /** When the request came to its controller, epoch ms. */
  readonly requestedMs?: number;
}

/** Of what is malformed, as far as it can be read. */
export function readTransid(text: string): Transid {
  const ids: string[] = [];
  let requestedMs: number | undefined;
  for (let at = parseJson(text); Array.isArray(at); at = at.at(-1)) {
    const [id, sinceMs]: readonly unknown[] = at;
    if (typeof id === "string") ids.push(id);
    if (typeof sinceMs === "number") requestedMs = sinceMs;
  }
  return { ids, ...(requestedMs !== undefined && { requestedMs }) };
}
