/** The shortest requests that make the present data. */
import type { Keyspace } from "../engine/keyspace.js";
import { formatId } from "../engine/stream-id.js";
import { bytesOf, type Value } from "../engine/values.js";
import { encodeRequest } from "../resp/reply.js";

/** Words of one request: large values are made by several, so that no record gets huge. */
const WORDS_PER_RECORD = 512;

export function* snapshotRecords(keyspace: Keyspace): Iterable<Buffer> {
  for (const { key, value, expiresAtMs } of keyspace.entries()) {
    const name = bytesOf(key);
    for (const request of requestsFor(name, value)) yield encodeRequest(request);
    if (expiresAtMs !== undefined) yield encodeRequest(["PEXPIREAT", name, expiresAtMs]);
  }
}

type Words = readonly (Buffer | string | number)[];

function* requestsFor(key: Buffer, value: Value): Iterable<Words> {
  switch (value.type) {
    case "string":
      return yield ["SET", key, value.bytes];
    case "list":
      for (const items of inPieces(value.items)) yield ["RPUSH", key, ...items];
      return;
    case "hash":
      for (const pairs of inPieces([...value.fields].flatMap(([field, bytes]) => [bytesOf(field), bytes]))) yield ["HSET", key, ...pairs];
      return;
    case "stream":
      for (const { id, words } of value.entries) yield ["XADD", key, formatId(id), ...words];
      // An emptied stream still knows its last id: an entry that is cut away at once brings it back.
      if (value.entries.length === 0) yield ["XADD", key, "MAXLEN", "=", 0, formatId(value.lastId), "", ""];
  }
}

function* inPieces<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += WORDS_PER_RECORD) yield items.slice(at, at + WORDS_PER_RECORD);
}
