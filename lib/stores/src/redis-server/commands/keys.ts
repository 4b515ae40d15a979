import { type Command, type CommandTable, type Context, keysFrom, type Request } from "../engine/command.js";
import { keyOf } from "../engine/values.js";
import { CommandError, OK } from "../resp/reply.js";
import { expiryAtMs, integer } from "./arguments.js";

/** A point in time that lies behind deletes the key, as in Redis. */
function expireAt(keyBytes: Buffer, atMs: number, { keyspace, nowMs, effect }: Context): number {
  const key = keyOf(keyBytes);
  if (!keyspace.expireAt(key, atMs)) return 0;
  if (atMs > nowMs || keyspace.replaying) effect("PEXPIREAT", keyBytes, atMs);
  else {
    keyspace.delete(key);
    effect("DEL", keyBytes);
  }
  return 1;
}

function expiry(name: string, unitMs: number): Command {
  return {
    arity: -3,
    keys: keysFrom(1),
    run: ([, key, amount, option], context) => {
      if (option) throw new CommandError(`ERR Unsupported option ${option.toString()}`);
      return expireAt(key as Buffer, expiryAtMs(amount, unitMs, context.nowMs, name), context);
    },
  };
}

/** -2: no such key; -1: it lives for ever. Redis rounds seconds to the nearest. */
function timeToLive(unitMs: number): Command {
  return {
    arity: 2,
    keys: keysFrom(1),
    run: ([, keyBytes], { keyspace, nowMs }) => {
      const key = keyOf(keyBytes as Buffer);
      if (keyspace.get(key) === undefined) return -2;
      const atMs = keyspace.expiresAtMs(key);
      return atMs === undefined ? -1 : Math.floor((atMs - nowMs + unitMs / 2) / unitMs);
    },
  };
}

function rename([, from, to]: Request, { keyspace, effect, changed }: Context) {
  const target = keyOf(to as Buffer);
  if (!keyspace.rename(keyOf(from as Buffer), target)) throw new CommandError("ERR no such key");
  effect("RENAME", from as Buffer, to as Buffer);
  changed(target);
  return OK;
}

export const keyCommands: CommandTable = {
  del: {
    arity: -2,
    keys: keysFrom(1, -1),
    run: ([, ...keys], { keyspace, effect }) => {
      const deleted = keys.filter((key) => keyspace.delete(keyOf(key)));
      if (deleted.length > 0) effect("DEL", ...deleted);
      return deleted.length;
    },
  },
  exists: {
    arity: -2,
    keys: keysFrom(1, -1),
    run: ([, ...keys], { keyspace }) => keys.filter((key) => keyspace.get(keyOf(key)) !== undefined).length,
  },
  expire: expiry("expire", 1_000),
  pexpire: expiry("pexpire", 1),
  pexpireat: {
    arity: 3,
    keys: keysFrom(1),
    run: ([, key, atMs], context) => expireAt(key as Buffer, integer(atMs), context),
  },
  ttl: timeToLive(1_000),
  pttl: timeToLive(1),
  rename: { arity: 3, keys: keysFrom(1, 2), run: rename },
};
