import { type CommandTable, type Context, keysFrom, type Request, Waiting } from "../engine/command.js";
import { compareIds, FIRST_ID, formatId, LAST_ID, nextId, parseId, type StreamId } from "../engine/stream-id.js";
import { bytesOf, keyOf, type StreamEntry, type StreamValue } from "../engine/values.js";
import { bulk, CommandError, MapReply, NULL_ARRAY, type Reply } from "../resp/reply.js";
import { integer, syntaxError, upper } from "./arguments.js";

/** `MAXLEN ~ n` lets a stream grow by so much before it is cut, as Redis cuts whole nodes only (stream-node-max-entries). */
const APPROXIMATE_SLACK = 100;

interface Trim {
  readonly maxLength: number;
  readonly approximate: boolean;
}

/** `MAXLEN [=|~] n`, and where the words behind it begin. */
function trimOf(request: Request): { trim?: Trim; idAt: number } {
  if (upper(request[2]) !== "MAXLEN") return { idAt: 2 };
  const sign = upper(request[3]);
  const at = sign === "~" || sign === "=" ? 4 : 3;
  const maxLength = integer(request[at]);
  if (maxLength < 0) throw new CommandError("ERR The MAXLEN argument must be >= 0.");
  return { trim: { maxLength, approximate: sign === "~" }, idAt: at + 1 };
}

/** `*`, `<ms>-*`, `<ms>` or `<ms>-<seq>`: what it becomes, once the stream's last id is known. */
function idFor(word: Buffer, nowMs: number): (lastId: StreamId) => StreamId {
  const text = word.toString("latin1");
  if (text === "*") return (lastId) => (nowMs > lastId.ms ? { ms: nowMs, seq: 0 } : nextId(lastId));
  if (text.endsWith("-*")) {
    const { ms } = parseId(text.slice(0, -2), 0);
    return (lastId) => (ms === lastId.ms ? nextId(lastId) : { ms, seq: 0 });
  }
  const id = parseId(text, 0);
  if (compareIds(id, FIRST_ID) === 0) throw new CommandError("ERR The ID specified in XADD must be greater than 0-0");
  return () => id;
}

function xadd(request: Request, { keyspace, nowMs, effect, changed }: Context): Reply {
  const { trim, idAt } = trimOf(request);
  const [idWord, ...words] = request.slice(idAt);
  const key = keyOf(request[1] as Buffer);
  const idAfter = idWord && idFor(idWord, nowMs);
  if (!idAfter || words.length === 0 || words.length % 2 !== 0) throw new CommandError("ERR wrong number of arguments for 'xadd' command");
  const known = keyspace.typed(key, "stream");
  const stream: StreamValue = known ?? { type: "stream", entries: [], lastId: FIRST_ID };
  const id = idAfter(stream.lastId);
  if (compareIds(id, stream.lastId) <= 0)
    throw new CommandError("ERR The ID specified in XADD is equal or smaller than the target stream top item");
  if (!known) keyspace.set(key, stream);
  stream.entries.push({ id, words });
  stream.lastId = id;
  if (trim) cut(stream, trim);
  effect("XADD", request[1] as Buffer, ...(trim ? ["MAXLEN", "=", stream.entries.length] : []), formatId(id), ...words);
  changed(key);
  return bulk(formatId(id));
}

function cut(stream: StreamValue, { maxLength, approximate }: Trim): void {
  const excess = stream.entries.length - maxLength;
  if (excess > (approximate ? APPROXIMATE_SLACK : 0)) stream.entries = stream.entries.slice(excess);
}

/** Position of the first entry that is not before `id`: entries are ascending. */
function firstFrom(entries: readonly StreamEntry[], id: StreamId): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareIds((entries[middle] as StreamEntry).id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entryReply({ id, words }: StreamEntry): Reply {
  return [bulk(formatId(id)), words];
}

interface ReadOptions {
  readonly count: number;
  /** Absent when it shall not wait. */
  readonly blockMs?: number;
  /** Where the keys begin. */
  readonly keysAt: number;
}

function readOptions(request: Request): ReadOptions {
  let count = Number.POSITIVE_INFINITY;
  let blockMs: number | undefined;
  for (let at = 1; at < request.length; at++) {
    const word = upper(request[at]);
    if (word === "STREAMS") return { count, ...(blockMs !== undefined && { blockMs }), keysAt: at + 1 };
    if (word === "COUNT") count = Math.max(integer(request[++at]), 0) || Number.POSITIVE_INFINITY;
    else if (word === "BLOCK") blockMs = blockOf(request[++at]);
    else throw syntaxError();
  }
  throw syntaxError();
}

function blockOf(word: Buffer | undefined): number {
  const ms = integer(word, "ERR timeout is not an integer or out of range");
  if (ms < 0) throw new CommandError("ERR timeout is negative");
  return ms;
}

/** The keys of an XREAD, also of one that is malformed: permissions are checked before its syntax. */
function xreadKeys(request: Request): readonly Buffer[] {
  const at = request.findIndex((word) => upper(word) === "STREAMS");
  const rest = at < 0 ? [] : request.slice(at + 1);
  return rest.slice(0, Math.ceil(rest.length / 2));
}

function xread(request: Request, context: Context): Reply | Waiting {
  const { count, blockMs, keysAt } = readOptions(request);
  const words = request.slice(keysAt);
  if (words.length === 0 || words.length % 2 !== 0)
    throw new CommandError("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
  const keys = words.slice(0, words.length / 2).map(keyOf);
  const after = keys.map((key, n) => startOf(words[keys.length + n] as Buffer, key, context));
  const newer = (n: number, now: Context): readonly [Reply, Reply] | undefined => {
    const key = keys[n] as string;
    const stream = now.keyspace.typed(key, "stream");
    if (!stream) return undefined;
    const from = firstFrom(stream.entries, nextId(after[n] as StreamId));
    const entries = stream.entries.slice(from, from + count);
    return entries.length > 0 ? [bytesOf(key), entries.map(entryReply)] : undefined;
  };
  const found = keys.map((_, n) => newer(n, context)).filter((entry) => entry !== undefined);
  if (found.length > 0) return streamsReply(found, context);
  if (blockMs === undefined) return NULL_ARRAY;
  return new Waiting("stream", keys, blockMs, NULL_ARRAY, NULL_ARRAY, (key, now) => {
    const entry = newer(keys.indexOf(key), now);
    return entry && streamsReply([entry], now);
  });
}

/** `$` stands for the stream's last entry, now. */
function startOf(word: Buffer, key: string, { keyspace }: Context): StreamId {
  const stream = keyspace.typed(key, "stream");
  return upper(word) === "$" ? (stream?.lastId ?? FIRST_ID) : parseId(word.toString("latin1"), 0);
}

/** RESP2 has pairs here, not the flat list that other maps become. */
function streamsReply(found: readonly (readonly [Reply, Reply])[], { session }: Context): Reply {
  return session.protocol === 3 ? new MapReply(found) : found;
}

/** `-`, `+`, an id, or `(` and an id for an exclusive bound. */
function bound(word: Buffer, absentSeq: number, isStart: boolean): StreamId {
  const text = word.toString("latin1");
  if (text === "-") return FIRST_ID;
  if (text === "+") return LAST_ID;
  if (!text.startsWith("(")) return parseId(text, absentSeq);
  const id = parseId(text.slice(1), absentSeq);
  return isStart ? nextId(id) : id;
}

function xrange(request: Request, context: Context): Reply {
  const [name, key, start, end, ...options] = request as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
  const { entries, count } = rangeOf([name, key, start, end, ...options], context);
  return count === 0 ? NULL_ARRAY : entries.slice(0, count).map(entryReply);
}

/** XRANGE from its end: the bounds change places. */
function xrevrange(request: Request, context: Context): Reply {
  const [name, key, end, start, ...options] = request as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
  const { entries, count } = rangeOf([name, key, start, end, ...options], context);
  return count === 0 ? NULL_ARRAY : entries.toReversed().slice(0, count).map(entryReply);
}

/** The entries between the bounds; a count of 0 only where the stream exists, since Redis answers an absent one first. */
function rangeOf(request: Request, { keyspace }: Context): { entries: readonly StreamEntry[]; count: number } {
  const [, key, startWord, endWord, option, countWord] = request as [Buffer, Buffer, Buffer, Buffer, Buffer?, Buffer?];
  const start = bound(startWord, 0, true);
  const end = bound(endWord, Number.MAX_SAFE_INTEGER, false);
  if (option && (upper(option) !== "COUNT" || request.length !== 6)) throw syntaxError();
  const count = option ? Math.max(integer(countWord), 0) : Number.POSITIVE_INFINITY;
  const entries = keyspace.typed(keyOf(key), "stream")?.entries;
  if (!entries) return { entries: [], count: 1 };
  const isExclusive = endWord[0] === "(".charCodeAt(0);
  const to = firstFrom(entries, isExclusive ? end : nextId(end));
  return { entries: entries.slice(firstFrom(entries, start), to), count };
}

export const streamCommands: CommandTable = {
  xadd: { arity: -5, keys: keysFrom(1), run: xadd },
  xlen: {
    arity: 2,
    keys: keysFrom(1),
    run: ([, key], { keyspace }) => keyspace.typed(keyOf(key as Buffer), "stream")?.entries.length ?? 0,
  },
  xrange: { arity: -4, keys: keysFrom(1), run: xrange },
  xrevrange: { arity: -4, keys: keysFrom(1), run: xrevrange },
  xread: { arity: -4, keys: xreadKeys, run: xread },
};
