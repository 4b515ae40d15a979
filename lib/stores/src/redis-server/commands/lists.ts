/** Lists: `items[0]` is the left end. An empty list does not exist. */
import { type Command, type CommandTable, type Context, keysFrom, type Request, Waiting } from "../engine/command.js";
import { bytesOf, keyOf, type ListValue } from "../engine/values.js";
import { CommandError, NULL_ARRAY, type Reply } from "../resp/reply.js";
import { integer, syntaxError, timeoutMs, upper } from "./arguments.js";

type End = "LEFT" | "RIGHT";

function listAt(context: Context, key: string): ListValue | undefined {
  return context.keyspace.typed(key, "list");
}

function put(list: ListValue, end: End, item: Buffer): void {
  if (end === "LEFT") list.items.unshift(item);
  else list.items.push(item);
}

function take(list: ListValue, end: End): Buffer | undefined {
  return end === "LEFT" ? list.items.shift() : list.items.pop();
}

function deleteIfEmpty(context: Context, key: string, list: ListValue): void {
  if (list.items.length === 0) context.keyspace.delete(key);
}

function push(name: string, end: End, onlyExisting = false): Command {
  return {
    arity: -3,
    keys: keysFrom(1),
    run: ([, keyBytes, ...items], context) => {
      const key = keyOf(keyBytes as Buffer);
      let list = listAt(context, key);
      if (!list) {
        if (onlyExisting) return 0;
        list = { type: "list", items: [] };
        context.keyspace.set(key, list);
      }
      for (const item of items) put(list, end, item);
      context.effect(name, keyBytes as Buffer, ...items);
      context.changed(key);
      return list.items.length;
    },
  };
}

/** Takes one item and records it; undefined when the list does not exist. */
function pop(context: Context, key: string, end: End): Buffer | undefined {
  const list = listAt(context, key);
  const item = list && take(list, end);
  if (!list || !item) return undefined;
  deleteIfEmpty(context, key, list);
  context.effect(end === "LEFT" ? "LPOP" : "RPOP", bytesOf(key));
  return item;
}

function popping(end: End): Command {
  return {
    arity: -2,
    keys: keysFrom(1),
    run: ([, keyBytes, countWord, more], context) => {
      if (more) throw new CommandError(`ERR wrong number of arguments for '${end === "LEFT" ? "lpop" : "rpop"}' command`);
      const key = keyOf(keyBytes as Buffer);
      if (!countWord) return pop(context, key, end) ?? null;
      const count = integer(countWord, "ERR value is out of range, must be positive");
      if (count < 0) throw new CommandError("ERR value is out of range, must be positive");
      const length = listAt(context, key)?.items.length;
      if (length === undefined) return NULL_ARRAY;
      return Array.from({ length: Math.min(count, length) }, () => pop(context, key, end) as Buffer);
    },
  };
}

function brpop(request: Request, context: Context): Reply | Waiting {
  const waitMs = timeoutMs(request.at(-1));
  const keys = request.slice(1, -1).map(keyOf);
  const attempt = (key: string, now: Context): Reply | undefined => {
    const item = pop(now, key, "RIGHT");
    return item && [bytesOf(key), item];
  };
  for (const key of keys) {
    const reply = attempt(key, context);
    if (reply) return reply;
  }
  return new Waiting("list", keys, waitMs, NULL_ARRAY, NULL_ARRAY, attempt);
}

function endOf(word: Buffer | undefined): End {
  const end = upper(word);
  if (end !== "LEFT" && end !== "RIGHT") throw syntaxError();
  return end;
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly fromEnd: End;
  readonly toEnd: End;
}

/** Undefined when there is nothing to move. Source and target may be the same list: it rotates. */
function move({ from, to, fromEnd, toEnd }: Move, context: Context): Buffer | undefined {
  const source = listAt(context, from);
  if (!source) return undefined;
  const known = listAt(context, to);
  const item = take(source, fromEnd) as Buffer;
  const target: ListValue = known ?? { type: "list", items: [] };
  put(target, toEnd, item);
  if (!known) context.keyspace.set(to, target);
  deleteIfEmpty(context, from, source);
  context.effect("LMOVE", bytesOf(from), bytesOf(to), fromEnd, toEnd);
  context.changed(to);
  return item;
}

function moveOf([, from, to, fromEnd, toEnd]: Request): Move {
  return { from: keyOf(from as Buffer), to: keyOf(to as Buffer), fromEnd: endOf(fromEnd), toEnd: endOf(toEnd) };
}

function blmove(request: Request, context: Context): Reply | Waiting {
  const wanted = moveOf(request);
  const waitMs = timeoutMs(request[5]);
  return move(wanted, context) ?? new Waiting("list", [wanted.from], waitMs, NULL_ARRAY, null, (_key, now) => move(wanted, now));
}

/** Redis' bounds: inclusive, negative ones count from the end, what lies outside is cut off. */
function lrange([, key, first, last]: Request, context: Context): Reply {
  const from = integer(first);
  const to = integer(last);
  const items = listAt(context, keyOf(key as Buffer))?.items ?? [];
  const start = from < 0 ? Math.max(items.length + from, 0) : from;
  const end = to < 0 ? items.length + to : to;
  return items.slice(start, Math.max(end + 1, 0));
}

/** Removes up to |count| equal items, from the right when it is negative, all when it is 0. */
function lrem([, keyBytes, countWord, item]: Request, context: Context): Reply {
  const count = integer(countWord);
  const key = keyOf(keyBytes as Buffer);
  const list = listAt(context, key);
  if (!list) return 0;
  const equal = list.items.flatMap((other, at) => (other.equals(item as Buffer) ? [at] : []));
  const chosen = new Set(count === 0 ? equal : count > 0 ? equal.slice(0, count) : equal.slice(count));
  if (chosen.size === 0) return 0;
  list.items = list.items.filter((_, at) => !chosen.has(at));
  deleteIfEmpty(context, key, list);
  context.effect("LREM", keyBytes as Buffer, count, item as Buffer);
  return chosen.size;
}

export const listCommands: CommandTable = {
  lpush: push("LPUSH", "LEFT"),
  lpushx: push("LPUSHX", "LEFT", true),
  rpush: push("RPUSH", "RIGHT"),
  lpop: popping("LEFT"),
  rpop: popping("RIGHT"),
  brpop: { arity: -3, keys: keysFrom(1, -2), run: brpop },
  lmove: { arity: 5, keys: keysFrom(1, 2), run: (request, context) => move(moveOf(request), context) ?? null },
  blmove: { arity: 6, keys: keysFrom(1, 2), run: blmove },
  llen: { arity: 2, keys: keysFrom(1), run: ([, key], context) => listAt(context, keyOf(key as Buffer))?.items.length ?? 0 },
  lrange: { arity: 4, keys: keysFrom(1), run: lrange },
  lrem: { arity: 4, keys: keysFrom(1), run: lrem },
};
