import { type CommandTable, type Context, keysFrom, type Request } from "../engine/command.js";
import { bytesOf, keyOf } from "../engine/values.js";
import { CommandError, MapReply, type Reply } from "../resp/reply.js";

function hset([, keyBytes, ...pairs]: Request, { keyspace, effect }: Context): Reply {
  if (pairs.length % 2 !== 0) throw new CommandError("ERR wrong number of arguments for 'hset' command");
  const key = keyOf(keyBytes as Buffer);
  const hash = keyspace.typed(key, "hash") ?? { type: "hash" as const, fields: new Map<string, Buffer>() };
  if (hash.fields.size === 0) keyspace.set(key, hash);
  const before = hash.fields.size;
  for (let at = 0; at < pairs.length; at += 2) hash.fields.set(keyOf(pairs[at] as Buffer), pairs[at + 1] as Buffer);
  effect("HSET", keyBytes as Buffer, ...pairs);
  return hash.fields.size - before;
}

function hdel([, keyBytes, ...fields]: Request, { keyspace, effect }: Context): Reply {
  const key = keyOf(keyBytes as Buffer);
  const hash = keyspace.typed(key, "hash");
  const deleted = fields.filter((field) => hash?.fields.delete(keyOf(field)));
  if (deleted.length > 0) effect("HDEL", keyBytes as Buffer, ...deleted);
  if (hash?.fields.size === 0) keyspace.delete(key); // replaying HDEL does the same
  return deleted.length;
}

export const hashCommands: CommandTable = {
  hset: { arity: -4, keys: keysFrom(1), run: hset },
  hget: {
    arity: 3,
    keys: keysFrom(1),
    run: ([, key, field], { keyspace }) => keyspace.typed(keyOf(key as Buffer), "hash")?.fields.get(keyOf(field as Buffer)) ?? null,
  },
  hmget: {
    arity: -3,
    keys: keysFrom(1),
    run: ([, key, ...fields], { keyspace }) => {
      const hash = keyspace.typed(keyOf(key as Buffer), "hash");
      return fields.map((field) => hash?.fields.get(keyOf(field)) ?? null);
    },
  },
  hgetall: {
    arity: 2,
    keys: keysFrom(1),
    run: ([, key], { keyspace }) => {
      const fields = keyspace.typed(keyOf(key as Buffer), "hash")?.fields ?? new Map<string, Buffer>();
      return new MapReply([...fields].map(([field, value]) => [bytesOf(field), value] as const));
    },
  },
  hdel: { arity: -3, keys: keysFrom(1), run: hdel },
};
