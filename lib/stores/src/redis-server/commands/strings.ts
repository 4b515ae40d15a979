import { type CommandTable, type Context, keysFrom, type Request } from "../engine/command.js";
import { keyOf } from "../engine/values.js";
import { CommandError, OK, type Reply } from "../resp/reply.js";
import { expiryAtMs, integer, syntaxError, upper } from "./arguments.js";

interface SetOptions {
  readonly condition?: "NX" | "XX";
  readonly expiresAtMs?: number;
}

function setOptions(request: Request, nowMs: number): SetOptions {
  let options: SetOptions = {};
  for (let at = 3; at < request.length; at++) {
    const word = upper(request[at]);
    if ((word === "NX" || word === "XX") && !options.condition) options = { ...options, condition: word };
    else if ((word === "EX" || word === "PX" || word === "PXAT") && options.expiresAtMs === undefined && at + 1 < request.length)
      options = { ...options, expiresAtMs: setExpiry(word, request[++at], nowMs) };
    else throw syntaxError();
  }
  return options;
}

/** PXAT is what the append-only file holds. */
function setExpiry(unit: "EX" | "PX" | "PXAT", word: Buffer | undefined, nowMs: number): number {
  const amount = integer(word);
  if (amount <= 0) throw new CommandError("ERR invalid expire time in 'set' command");
  return unit === "PXAT" ? amount : expiryAtMs(word, unit === "EX" ? 1_000 : 1, nowMs, "set");
}

function set(request: Request, { keyspace, nowMs, effect }: Context): Reply {
  const [, keyBytes, bytes] = request as [Buffer, Buffer, Buffer];
  const { condition, expiresAtMs } = setOptions(request, nowMs);
  const key = keyOf(keyBytes);
  if (condition && (keyspace.get(key) !== undefined) !== (condition === "XX")) return null;
  keyspace.set(key, { type: "string", bytes });
  if (expiresAtMs === undefined) effect("SET", keyBytes, bytes);
  else {
    keyspace.expireAt(key, expiresAtMs);
    effect("SET", keyBytes, bytes, "PXAT", expiresAtMs);
  }
  return OK;
}

export const stringCommands: CommandTable = {
  set: { arity: -3, keys: keysFrom(1), run: set },
  get: {
    arity: 2,
    keys: keysFrom(1),
    run: ([, key], { keyspace }) => keyspace.typed(keyOf(key as Buffer), "string")?.bytes ?? null,
  },
  mget: {
    arity: -2,
    keys: keysFrom(1, -1),
    run: ([, ...keys], { keyspace }) =>
      keys.map((key) => {
        const value = keyspace.get(keyOf(key));
        return value?.type === "string" ? value.bytes : null;
      }),
  },
};
